/* SPDX-License-Identifier: MIT */
/*
 * The way into a VT-x guest and back. rsp is guest_regs() all the time: general registers are taken from the frame and put there;
 * rsp, rip and rflags are the VMCS's, which vmx_enter() and vmx_exit() copy.
 *
 * Interrupts are off from the last look at pending work to the entry, and again from the exit on. In the guest a physical
 * interrupt ends its run whatever IF says; it stays pending until vmx_exit() lets it in.
 */
#include "asm_offsets.h"

        .text
        .globl vmx_guest_loop
        .type vmx_guest_loop, @function
vmx_guest_loop:
        mov CPUINFO_current(%rsp), %rdi
        call vmx_enter
        cmpl $0, CPUINFO_pending(%rsp)
        jne 2f
        test %al, %al
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
        mov REGS_rax(%rsp), %rax
        jz 1f
        vmresume
        jmp 3f
1:      vmlaunch
3:      xor %ebp, %ebp                  /* not entered: the VMCS or what is in it is not right */
        mov CPUINFO_current(%rsp), %rdi
        call vmx_entry_failed
        jmp vmx_guest_loop
2:      call process_pending
        jmp vmx_guest_loop
        .size vmx_guest_loop, . - vmx_guest_loop

        .globl vmx_exit_point
        .type vmx_exit_point, @function
vmx_exit_point:
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
        mov %rax, REGS_rax(%rsp)
        xor %ebp, %ebp
        mov CPUINFO_current(%rsp), %rdi
        call vmx_exit
        jmp vmx_guest_loop
        .size vmx_exit_point, . - vmx_exit_point
