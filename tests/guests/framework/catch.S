/* SPDX-License-Identifier: MIT */
#include "tests/guests/framework/callee_saved.inc"

    .text
/* unsigned catch_call(void (*fn)(void *), void *arg, uint64_t *saved_rsp): 0 after a normal return, 1 after a trap. */
    .globl catch_call
catch_call:
    push_callee_saved
    push %rdx
    mov %rsp, (%rdx)
    mov %rdi, %rax
    mov %rsi, %rdi
    call *%rax
    xor %eax, %eax
    .globl catch_return
catch_return:
    pop %rdx
    pop_callee_saved
    ret

    .section .note.GNU-stack, "", @progbits
