/* SPDX-License-Identifier: MIT */
/*
 * A hypercall from 32-bit code: code and data at their physical addresses, where the boot tables map the first GiB. No interrupts, whose
 * frames would be on the wrong stack.
 */
#define __ASSEMBLY__
#include "tests/guests/framework/layout.h"

#define PHYS(symbol) (symbol - VIRT_BASE)
#define CODE32       0x18

/* int64_t call_32(uint64_t registers): eax, ebx, ecx, edx, esi, edi, at a physical address; the answer. */
    .text
    .globl call_32
call_32:
    push %rbx
    push %rbp
    push %r12
    push %r13
    push %r14
    push %r15
    mov %rsp, saved_stack
    ljmp *far_pointer
    .code32
1:  mov $PHYS(stack_32_top), %esp
    mov (%edi), %eax
    mov 4(%edi), %ebx
    mov 8(%edi), %ecx
    mov 12(%edi), %edx
    mov 16(%edi), %esi
    mov 20(%edi), %edi
    mov $PHYS(hypercall_page) + 5, %ebp     /* slot 0, behind its load of the number */
    call *%ebp
    ljmp $0x08, $PHYS(2f)
    .code64
2:  mov $3f, %rcx
    jmp *%rcx
3:  mov saved_stack, %rsp
    movslq %eax, %rax
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbp
    pop %rbx
    ret

    .data
    .balign 8
saved_stack: .quad 0
far_pointer: .long PHYS(1b)
    .word CODE32
    .bss
    .balign 16
    .skip 256
stack_32_top:

    .section .note.GNU-stack, "", @progbits
