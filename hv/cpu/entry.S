/* SPDX-License-Identifier: MIT */
/*
 * Every way into the hypervisor and back. All entries build struct regs (hv/cpu/regs.h); from a guest it stands at the top of the
 * CPU's stack, where guest_regs() finds it. Interrupts stay off until the return.
 *
 * The guest's GS base stays live: per-CPU data is found through the stack pointer (hv/cpu/current.h).
 */
#include "hv/cpu/desc.h"
#include "hv/cpu/smap.h"
#include "hv/mm/layout.h"
#include "asm_offsets.h"

#define REGS_SYSCALL 0x100

/*
 * IOPL and VM, which every return takes from rflags: it runs in ring 0, and a PV guest has neither. What an entry
 * saved is not to be trusted with them on QEMU's TCG, whose cmpxchg16b lets the guest choose (tests/guests/flags_kept).
 */
#define FLAGS_NEVER 0x23000

.macro SAVE_REGS
        push %rax
        push %r9
        push %r8
        push %r10
        push %rdx
        push %rsi
        push %rdi
        push %rcx
        push %r11
        push %rbx
        push %rbp
        push %r12
        push %r13
        push %r14
        push %r15
.endm

.macro RESTORE_REGS
        pop %r15
        pop %r14
        pop %r13
        pop %r12
        pop %rbp
        pop %rbx
        pop %r11
        pop %rcx
        pop %rdi
        pop %rsi
        pop %rdx
        pop %r10
        pop %r8
        pop %r9
        pop %rax
.endm

/* What C functions do not preserve, and rbp, which CLEAR_RBP took; not rcx and r11. */
.macro RESTORE_SCRATCH
        mov REGS_rbp(%rsp), %rbp
        mov REGS_rdi(%rsp), %rdi
        mov REGS_rsi(%rsp), %rsi
        mov REGS_rdx(%rsp), %rdx
        mov REGS_r10(%rsp), %r10
        mov REGS_r8(%rsp), %r8
        mov REGS_r9(%rsp), %r9
        mov REGS_rax(%rsp), %rax
.endm

/* End the frame-pointer chain for the backtrace and leave none of the guest's values in registers we branch on. */
.macro CLEAR_RBP
        xor %ebp, %ebp
.endm

        .text
/*
 * syscall: the CPU's stub (syscall_stub below, copied into its stack's page 4) switched stacks and pushed the frame down to
 * the error code and vector.
 */
        .globl syscall_entry
        .type syscall_entry, @function
syscall_entry:
        SAVE_REGS
        CLEAR_RBP
        mov CPUINFO_current(%rsp), %rax
        mov %rsp, %rdi
        cmpb $0, VCPU_in_kernel(%rax)
        je 1f
        call hypercall_dispatch
/*
 * The way back to the current PV guest where rbx and r12..r15 still have the guest's values: C functions preserve them, and neither
 * hypercalls nor the building of a bounce frame change them in the frame (emulated instructions do). rsp = guest_regs().
 */
ret_preserved:
        cmpl $0, CPUINFO_pending(%rsp)
        jne do_pending
        mov CPUINFO_current(%rsp), %rax
        mov VCPU_info(%rax), %rax
        movzwl VCPUINFO_pending(%rax), %eax     /* al = pending, ah = mask */
        dec %eax
        cmp $0xff, %eax                         /* pending != 0 and mask == 0 */
        jb do_event
restore_guest:
        cmpl $REGS_SYSCALL, REGS_vector(%rsp)
        jne 3f
        mov REGS_rip(%rsp), %rcx
        /*
         * sysret to a non-canonical rip would fault in ring 0 with the guest's stack. Who marks a frame for sysret has checked its
         * rip; the one other way is a syscall instruction that ends at the edge of the canonical range.
         */
        mov $CANONICAL_LOW_END, %rax
        cmp %rax, %rcx
        je 3f
sysret_guest:
        RESTORE_SCRATCH
        mov REGS_rflags(%rsp), %r11
        and $~FLAGS_NEVER, %r11
        mov REGS_rsp(%rsp), %rsp
        sysretq
3:      RESTORE_SCRATCH
        mov REGS_r11(%rsp), %r11
        mov REGS_rcx(%rsp), %rcx
        andl $~FLAGS_NEVER, REGS_rflags(%rsp)
        add $REGS_rip, %rsp
        .globl guest_iretq
guest_iretq:
        iretq

1:      call syscall_from_user
        jmp ret_preserved
do_pending:
        call process_pending
        jmp ret_preserved
/* The bounce may have crashed the domain: look once more, but take no second event (it is masked now). */
do_event:
        call pv_inject_event
        cmpl $0, CPUINFO_pending(%rsp)
        jne do_pending
        mov REGS_rip(%rsp), %rcx
        jmp sysret_guest
        .size syscall_entry, . - syscall_entry

/* The way back to the current PV guest, from wherever; rsp = guest_regs(). */
        .balign 16
        .globl ret_to_pv_guest
        .type ret_to_pv_guest, @function
ret_to_pv_guest:
        mov REGS_r15(%rsp), %r15
        mov REGS_r14(%rsp), %r14
        mov REGS_r13(%rsp), %r13
        mov REGS_r12(%rsp), %r12
        mov REGS_rbx(%rsp), %rbx
        jmp ret_preserved
        .size ret_to_pv_guest, . - ret_to_pv_guest

/* Exceptions and interrupts: the stubs push an error code (or 0) and jump here with the vector in the upper half of that slot. */
        .type trap_common, @function
trap_common:
        SAVE_REGS
        ASM_CLAC
        cld
        CLEAR_RBP
        mov %rsp, %rdi
        testb $3, REGS_cs(%rsp)
        jz 4f
        call trap_from_guest
        jmp ret_to_pv_guest
4:      /* In the hypervisor; keep the interrupted function in the backtrace. */
        push REGS_rip(%rdi)
        push (6-2)*8(%rdi)      /* its rbp */
        mov %rsp, %rbp
        call trap_from_hypervisor
        add $16, %rsp
        RESTORE_REGS
        add $8, %rsp
        iretq
        .size trap_common, . - trap_common

/* #DB uses an interrupt stack (mov ss; syscall makes it arrive on the guest's stack pointer). From a guest, go on at the stack's top. */
        .type db_common, @function
db_common:
        SAVE_REGS
        ASM_CLAC
        cld
        testb $3, REGS_cs(%rsp)
        jz 5f
        mov %rsp, %rsi
        mov %rsp, %rdi
        or $0x7fff, %rdi
        sub $CPUINFO_size - 1, %rdi
        mov $REGS_size / 8, %ecx
        mov %rdi, %rsp
        rep movsq
        CLEAR_RBP
        mov %rsp, %rdi
        call trap_from_guest
        jmp ret_to_pv_guest
5:      CLEAR_RBP
        mov %rsp, %rdi
        call trap_from_hypervisor
        RESTORE_REGS
        add $8, %rsp
        iretq
        .size db_common, . - db_common

/* NMI, #DF, #MC: on their own stacks, never a way to deliver anything directly. */
        .type ist_common, @function
ist_common:
        SAVE_REGS
        ASM_CLAC
        cld
        CLEAR_RBP
        mov %rsp, %rdi
        call trap_on_ist
        RESTORE_REGS
        andl $~FLAGS_NEVER, REGS_rflags-REGS_error_code(%rsp)
        add $8, %rsp
        iretq
        .size ist_common, . - ist_common

/*
 * The entry stub of each vector, 16 bytes each from trap_stubs: vectors with a hardware error code are
 * 8, 10-14, 17, 21, 29 and 30.
 */
.macro STUB vec
        .balign 16
        .if (\vec == 8) || (\vec >= 10 && \vec <= 14) || (\vec == 17) || (\vec == 21) || (\vec == 29) || (\vec == 30)
        .else
        push $0
        .endif
        movl $\vec, 4(%rsp)
        .if \vec == 1
        jmp db_common
        .elseif (\vec == 2) || (\vec == 8) || (\vec == 18)
        jmp ist_common
        .else
        jmp trap_common
        .endif
.endm

        .balign 16
        .globl trap_stubs
trap_stubs:
        .set vec, 0
        .altmacro
        .rept 256
        STUB %vec
        .set vec, vec + 1
        .endr
        .noaltmacro

/*
 * Where a CPU arrives by syscall, copied into page 4 of its stack (64-bit at offset 0, from compatibility mode at 64, sysenter at 128).
 * rip-relative addresses reach the same CPU's cpu_info, at a fixed distance; the jump target is in the page too.
 */
#define STUB_CPUINFO (8 * 4096 - CPUINFO_size - 4 * 4096 + syscall_stub)
        .section .rodata
        .balign 64
        .globl syscall_stub, syscall_stub_end
syscall_stub:
        mov %rsp, STUB_CPUINFO + CPUINFO_scratch(%rip)
        lea STUB_CPUINFO + REGS_size(%rip), %rsp
        push $SEL_GUEST_DS
        push STUB_CPUINFO + CPUINFO_scratch(%rip)
        push %r11
        push $SEL_GUEST_CS64
        push %rcx
        push $0
        movl $REGS_SYSCALL, 4(%rsp)
        jmp *stub_syscall_target(%rip)
        .balign 64
        mov %rsp, STUB_CPUINFO + CPUINFO_scratch(%rip)
        lea STUB_CPUINFO + REGS_size(%rip), %rsp
        push $SEL_GUEST_DS
        push STUB_CPUINFO + CPUINFO_scratch(%rip)
        push %r11
        push $SEL_GUEST_CS32
        push %rcx
        push $0
        movl $0x102, 4(%rsp)
        jmp *stub_other_target(%rip)
        .balign 64
        lea STUB_CPUINFO + REGS_size(%rip), %rsp
        push $SEL_GUEST_DS
        push $0
        pushf
        push $3                 /* sysenter tells neither rip nor cs */
        push $0
        push $0
        movl $0x101, 4(%rsp)
        jmp *stub_other_target(%rip)
        .balign 8
stub_syscall_target: .quad syscall_entry
stub_other_target:   .quad fast_entry_other
syscall_stub_end:

        .text
        .type fast_entry_other, @function
fast_entry_other:
        SAVE_REGS
        ASM_CLAC
        cld
        CLEAR_RBP
        mov %rsp, %rdi
        call fast_entry_from_user
        jmp ret_to_pv_guest
        .size fast_entry_other, . - fast_entry_other

/* void __noreturn stack_reset_and_jump(void (*fn)(void)): go on at the top of this CPU's stack, below guest_regs. */
        .globl stack_reset_and_jump
        .type stack_reset_and_jump, @function
stack_reset_and_jump:
        or $0x7fff, %rsp
        sub $CPUINFO_size - 1, %rsp
        CLEAR_RBP
        jmp *%rdi
        .size stack_reset_and_jump, . - stack_reset_and_jump
