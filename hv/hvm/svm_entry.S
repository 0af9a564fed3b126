/* SPDX-License-Identifier: MIT */
/*
 * The way into an SVM guest and back. rsp is guest_regs() all the time: general registers are taken from the frame and put there;
 * rax, rsp, rip and rflags are the VMCB's, which svm_enter() and svm_exit() copy.
 *
 * Physical interrupts are held back by GIF from the last look at pending work to vmrun; in the guest, IF of the host's rflags lets
 * them through (V_INTR_MASKING), and they end the guest's run. They are taken after that, with IF still off until svm_exit() asks.
 */
#include "asm_offsets.h"

        .text
        .globl svm_guest_loop
        .type svm_guest_loop, @function
svm_guest_loop:
        mov CPUINFO_current(%rsp), %rdi
        call svm_enter
        cmpl $0, CPUINFO_pending(%rsp)
        jne 1f
        mov REGS_r15(%rsp), %r15
        mov REGS_r14(%rsp), %r14
        mov REGS_r13(%rsp), %r13
        mov REGS_r12(%rsp), %r12
        mov REGS_rbp(%rsp), %rbp
        mov REGS_rbx(%rsp), %rbx
        mov REGS_r11(%rsp), %r11
        mov REGS_r10(%rsp), %r10
        mov REGS_r9(%rsp), %r9
        mov REGS_r8(%rsp), %r8
        mov REGS_rcx(%rsp), %rcx
        mov REGS_rdx(%rsp), %rdx
        mov REGS_rsi(%rsp), %rsi
        mov REGS_rdi(%rsp), %rdi
        clgi
        sti
        vmload %rax
        vmrun %rax
        vmsave %rax
        mov %r15, REGS_r15(%rsp)
        mov %r14, REGS_r14(%rsp)
        mov %r13, REGS_r13(%rsp)
        mov %r12, REGS_r12(%rsp)
        mov %rbp, REGS_rbp(%rsp)
        mov %rbx, REGS_rbx(%rsp)
        mov %r11, REGS_r11(%rsp)
        mov %r10, REGS_r10(%rsp)
        mov %r9, REGS_r9(%rsp)
        mov %r8, REGS_r8(%rsp)
        mov %rcx, REGS_rcx(%rsp)
        mov %rdx, REGS_rdx(%rsp)
        mov %rsi, REGS_rsi(%rsp)
        mov %rdi, REGS_rdi(%rsp)
        xor %ebp, %ebp
        mov CPUINFO_host_state(%rsp), %rax
        vmload %rax                     /* TR, LDTR, FS, GS and the syscall MSRs of the hypervisor */
        cli
        stgi
        mov CPUINFO_current(%rsp), %rdi
        call svm_exit
        jmp svm_guest_loop
1:      call process_pending
        jmp svm_guest_loop
        .size svm_guest_loop, . - svm_guest_loop
