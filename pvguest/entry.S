/* SPDX-License-Identifier: MIT */
/*
 * Exceptions and event upcalls. The hypervisor pushes rcx, r11, an error code for some vectors, rip, cs, rflags, rsp, ss on the
 * running stack. We add what struct trap_frame (trap.h) has beyond that, save the FPU so that the C code may use SSE, and return
 * by HYPERVISOR_iret, which restores the event mask (as rflags.IF) together with the registers: no window in which an upcall
 * could nest.
 */
#include "pvguest/cpu_layout.h"
#define __ASSEMBLY__
#include <xen/xen.h>

#define UPCALL_MASK 1 /* in struct vcpu_info */
#define BLOCK       1 /* SCHEDOP_block; <xen/sched.h> is for C alone */

    .text

/* trap_stubs + 16 * n is the entry point of vector n. Vectors 8, 10-14, 17 and 21 come with an error code. */
    .globl trap_stubs
    .balign 16
trap_stubs:
    .set vector, 0
    .rept 256
    .balign 16
    popq %rcx
    popq %r11
    .if !(vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21)
    pushq $0
    .endif
    pushq $vector
    jmp trap_common
    .set vector, vector + 1
    .endr

.macro save_registers
    pushq %rdi
    pushq %rsi
    pushq %rdx
    pushq %rcx
    pushq %rax
    pushq %r8
    pushq %r9
    pushq %r10
    pushq %r11
    pushq %rbx
    pushq %rbp
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    cld
    movq %rsp, %rdi
    movq %rsp, %rbx
    andq $-16, %rsp
    subq $512, %rsp
    fxsave64 (%rsp)
.endm

trap_common:
    save_registers
    call trap_dispatch
    jmp return_from_trap

    .globl event_callback
event_callback:
    cmpq $0, %gs:CPU_IDLE_SP
    jne idle_ends
    popq %rcx
    popq %r11
    pushq $0
    pushq $256
    save_registers
    call evtchn_upcall

return_from_trap:
    fxrstor64 (%rsp)
    movq %rbx, %rsp
    cmpb $0, guest_is_pvh(%rip)
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbp
    popq %rbx
    popq %r11
    popq %r10
    popq %r9
    popq %r8
    popq %rax
    popq %rcx
    popq %rdx
    popq %rsi
    popq %rdi
    jne return_to_hardware
    /* Now vector, error code, rip ...: turn it into rax, r11, rcx, flags, rip ... (struct iret_context). */
    movq $0, 8(%rsp)
    movq %rcx, (%rsp)
    pushq %r11
    pushq %rax
    movl $__HYPERVISOR_iret, %eax
    syscall
    ud2

return_to_hardware:
    leaq 16(%rsp), %rsp
    iretq

/*
 * void cpu_idle(void) (entry.h). The upcall that ends the sleep returns from this function, and drops its frame: there is nothing in it
 * that a function call must preserve. A hypervisor may end SCHEDOP_block without an upcall, with the mask clear.
 */
    .globl cpu_idle
    .type cpu_idle, @function
cpu_idle:
    movq %rsp, %gs:CPU_IDLE_SP
    cmpb $0, guest_is_pvh(%rip)
    jne 1f
    movl $__HYPERVISOR_sched_op, %eax
    movl $BLOCK, %edi
    xorl %esi, %esi
    syscall
    movq %gs:CPU_INFO, %rax
    movb $1, UPCALL_MASK(%rax)
    movq $0, %gs:CPU_IDLE_SP
    ret
1:  sti
    hlt
    cli
    movq $0, %gs:CPU_IDLE_SP
    ret

/* From event_callback, upcalls masked. */
idle_ends:
    movq %gs:CPU_IDLE_SP, %rsp
    movq $0, %gs:CPU_IDLE_SP
    ret

/* The hypervisor found a segment register that it could not load: rcx, r11, ds, es, fs, gs, rip ... are on the stack. */
    .globl failsafe_callback
failsafe_callback:
    popq %rcx
    popq %r11
    addq $32, %rsp
    pushq $0
    pushq $257
    jmp trap_common

/* void thread_switch(unsigned long *save_sp, unsigned long load_sp): what a function call must preserve. */
    .globl thread_switch
    .type thread_switch, @function
thread_switch:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    subq $8, %rsp
    stmxcsr (%rsp)
    fnstcw 4(%rsp)
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    ldmxcsr (%rsp)
    fldcw 4(%rsp)
    addq $8, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret

/* Where a new thread (thread.c) or vCPU (smp.c) begins: calls the function in r12 with the argument in r13; it does not return. */
    .globl thread_entry
thread_entry:
    xorl %ebp, %ebp
    movq %r13, %rdi
    call *%r12
    ud2

    .section .note.GNU-stack, "", @progbits
