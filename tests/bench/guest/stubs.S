/* SPDX-License-Identifier: MIT */
/*
 * The shortest handlers that a guest can have, so that the figures show the hypervisor and not the guest: a native
 * iretq where the ABI allows it (kernel to kernel; the frame's cs has RPL 0 and must get 3), the iret hypercall elsewhere.
 */
#define __ASSEMBLY__

    .text
    .macro native_return
    orb $3, 8(%rsp)
    iretq
    .endm

/* int3: rip is already behind. */
    .globl bench_int3
bench_int3:
    pop %rcx
    pop %r11
    native_return

/* ud2: two bytes to skip. */
    .globl bench_ud
bench_ud:
    pop %rcx
    pop %r11
    addq $2, (%rsp)
    native_return

/* A page fault at a `mov (%rdi), %al` or `mov %al, (%rdi)`, two bytes each. */
    .globl bench_pf
bench_pf:
    pop %rcx
    pop %r11
    add $8, %rsp
    addq $2, (%rsp)
    native_return

/* Event upcall of the one port that is open: clears it by hand. rdx, rsi, r8 are the loop's, see events.c. */
    .globl bench_upcall
bench_upcall:
    pop %rcx
    pop %r11
    push %rax
    mov bench_info, %rax
    movb $0, 0(%rax)
    movq $0, 8(%rax)
    mov bench_pending, %rax
    movq $0, (%rax)
    mov bench_info, %rax
    movb $0, 1(%rax)
    pop %rax
    native_return

/* Syscall from user mode: straight back, unless rax asks to leave. */
    .globl bench_syscall
bench_syscall:
    pop %rcx
    pop %r11
    cmp $0x55e0, %eax
    je 1f
    push $0x100 /* VGCF_in_syscall */
    jmp hypercall_page + 23 * 32
1:  sub $16, %rsp
    jmp syscall_entry

/* int n from user mode: straight back with everything restored. */
    .globl bench_int
bench_int:
    pop %rcx
    pop %r11
    push $0
    jmp hypercall_page + 23 * 32

/* void bench_iret_loop(uint64_t count): iret hypercalls from kernel to kernel. */
    .globl bench_iret_loop
bench_iret_loop:
    mov %rsp, %rsi
1:  push %rdx
    push %rsi
    pushq $0x200
    pushq $0xe030
    lea 2f(%rip), %rax
    push %rax
    push $0
    movl $0xe02b, 40(%rsp)
    mov $23, %eax
    jmp hypercall_page + 23 * 32
2:  dec %rdi
    jnz 1b
    ret

    .section .note.GNU-stack, "", @progbits
