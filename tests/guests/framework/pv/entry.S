/* SPDX-License-Identifier: MIT */
/*
 * Start of day, the entry points that the hypervisor calls, and the ways back.
 *
 * Every entry point finds Xen's bounce frame on the stack: rcx, r11, [error code], rip, cs | mask << 32,
 * rflags, rsp, ss. The stubs turn it into struct cpu_regs (trap.h) and call trap_entry().
 */
#define __ASSEMBLY__
#include <xen/elfnote.h>
#include "tests/guests/framework/callee_saved.inc"
#include "tests/guests/framework/layout.h"

    .macro note type, kind, desc:vararg
    .pushsection .note.Xen, "a", @note
    .balign 4
    .long 4, 2f - 1f, \type
    .asciz "Xen"
1:  \kind \desc
2:  .balign 4
    .popsection
    .endm

    note XEN_ELFNOTE_GUEST_OS, .asciz, "RyokanTests"
    note XEN_ELFNOTE_GUEST_VERSION, .asciz, "1"
    note XEN_ELFNOTE_LOADER, .asciz, "generic"
    note XEN_ELFNOTE_XEN_VERSION, .asciz, "xen-3.0"
    note XEN_ELFNOTE_VIRT_BASE, .quad, VIRT_BASE
    note XEN_ELFNOTE_PADDR_OFFSET, .quad, 0
    note XEN_ELFNOTE_ENTRY, .quad, _start
    note XEN_ELFNOTE_HYPERCALL_PAGE, .quad, hypercall_page
    note XEN_ELFNOTE_FEATURES, .asciz, "!writable_page_tables|pae_pgdir_above_4gb"
    /* Bit 11: may run as the initial domain. */
    note XEN_ELFNOTE_SUPPORTED_FEATURES, .quad, 0x801

    .text
    .balign 4096
    .globl hypercall_page
hypercall_page:
    .skip 4096, 0xc3

/* Saves what the domain builder left in the registers before anything can change it. */
    .globl _start
_start:
    mov %rax, boot_regs + 0x00
    mov %rsi, boot_regs + 0x08
    mov %rsp, boot_regs + 0x10
    pushfq
    pop boot_regs + 0x18
    mov %cs, boot_regs + 0x20
    mov %ss, boot_regs + 0x28
    mov %ds, boot_regs + 0x30
    mov %es, boot_regs + 0x38
    mov %fs, boot_regs + 0x40
    mov %gs, boot_regs + 0x48
    cld
    mov $cpu_areas + CPU_AREA_SIZE, %rsp
    xor %ebp, %ebp
    mov %rsi, %rdi
    call guest_main
    ud2

/* A secondary vCPU starts here with its stack pointer set by VCPUOP_initialise. */
    .globl smp_entry
smp_entry:
    xor %ebp, %ebp
    call smp_main
    ud2

    .macro has_error vector
    .set error_code, 0
    .irp v, 8, 10, 11, 12, 13, 14, 17
    .if \vector == \v
    .set error_code, 1
    .endif
    .endr
    .endm

    .balign 16
    .globl trap_stubs
trap_stubs:
    .set vector, 0
    .rept 256
    .balign 16
    has_error vector
    pop %rcx
    pop %r11
    .if error_code == 0
    push $0
    .endif
    .byte 0x68
    .long vector
    jmp trap_common
    .set vector, vector + 1
    .endr

    .macro callback name, vector
    .globl \name
\name:
    pop %rcx
    pop %r11
    push $0
    push $\vector
    jmp trap_common
    .endm

    callback upcall_entry, TRAP_UPCALL
    callback syscall_entry, TRAP_SYSCALL
    callback syscall32_entry, TRAP_SYSCALL32
    callback sysenter_entry, TRAP_SYSENTER

/* The failsafe frame carries ds, es, fs, gs between r11 and rip. */
    .globl failsafe_entry
failsafe_entry:
    pop %rcx
    pop %r11
    pop failsafe_selectors + 0
    pop failsafe_selectors + 8
    pop failsafe_selectors + 16
    pop failsafe_selectors + 24
    push $0
    push $TRAP_FAILSAFE
    jmp trap_common

trap_common:
    push %rcx
    push %r11
    push %rax
    push %rdx
    push %rbx
    push %rbp
    push %rsi
    push %rdi
    push %r8
    push %r9
    push %r10
    push %r12
    push %r13
    push %r14
    push %r15
    cld
    mov %rsp, %rdi
    mov %rsp, %rbx
    and $-16, %rsp
    call trap_entry
    mov %rbx, %rsp
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %r10
    pop %r9
    pop %r8
    pop %rdi
    pop %rsi
    pop %rbp
    pop %rbx
    pop %rdx
    /* rax, r11, rcx, vector, error, rip: move the first three up over the vector; the error becomes flags = 0. */
    mov 0x10(%rsp), %rcx
    mov %rcx, 0x18(%rsp)
    mov 0x08(%rsp), %rcx
    mov %rcx, 0x10(%rsp)
    mov 0x00(%rsp), %rcx
    mov %rcx, 0x08(%rsp)
    movq $0, 0x20(%rsp)
    add $8, %rsp
    mov $23, %eax /* __HYPERVISOR_iret */
    syscall
    ud2

/* long user_enter(struct iret_context *frame, uint64_t fn, uint64_t arg, uint64_t *saved_rsp) */
    .globl user_enter
user_enter:
    push_callee_saved
    push %rcx
    mov %rsp, (%rcx)
    mov %rdi, %rsp
    mov %rsi, %rdi
    mov %rdx, %rsi
    mov $23, %eax
    syscall
    ud2
    .globl user_return
user_return:
    pop %rcx
    pop_callee_saved
    ret

/* User mode begins here: rdi = function, rsi = its argument; leaves by syscall with the result in rdi. */
    .globl user_start
user_start:
    mov %rdi, %rax
    mov %rsi, %rdi
    call *%rax
    mov %rax, %rdi
    mov $USER_EXIT, %eax
    syscall
    ud2

    .section .note.GNU-stack, "", @progbits
