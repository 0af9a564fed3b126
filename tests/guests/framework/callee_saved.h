/* SPDX-License-Identifier: MIT */
/* For assembly: what a C function preserves for its caller. */
#ifndef GUESTS_CALLEE_SAVED_H
#define GUESTS_CALLEE_SAVED_H
#ifdef __ASSEMBLER__
    .macro push_callee_saved
    push %rbp
    push %rbx
    push %r12
    push %r13
    push %r14
    push %r15
    .endm

    .macro pop_callee_saved
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbx
    pop %rbp
    .endm
#endif
#endif
