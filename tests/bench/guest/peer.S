/* SPDX-License-Identifier: MIT */
/*
 * The whole kernel of the bench guest's peer domain: position-independent, copied into a page of its own. It starts
 * with r12 = mailbox, r13 = shared_info, since an upcall may come before its first instruction; the layout of the mailbox is struct peer_mailbox in domains.c.
 */
#define __ASSEMBLY__

    .set EVTCHN_PENDING, 32 * 64 /* shared_info.evtchn_pending[0] */

    .section .rodata
    .balign 16
    .globl peer_code, peer_upcall, peer_code_end
peer_code:
    /* Phase 0: count turns and yield. */
1:  lock incq 8(%r12)
    mov $29, %eax /* __HYPERVISOR_sched_op, SCHEDOP_yield */
    xor %edi, %edi
    xor %esi, %esi
    syscall
    cmpq $0, (%r12)
    je 1b
    /* Phase 1: answer events, blocked in between. */
2:  movb $1, 1(%r13)
    cmpq $0, 16(%r12)
    jne 3f
    mov $29, %eax /* SCHEDOP_block */
    mov $1, %edi
    xor %esi, %esi
    syscall
    jmp 2b
3:  movq $0, 16(%r12)
    mov $32, %eax /* __HYPERVISOR_event_channel_op, EVTCHNOP_send */
    mov $4, %edi
    lea 24(%r12), %rsi
    syscall
    jmp 2b

peer_upcall:
    pop %rcx
    pop %r11
    movb $0, 0(%r13)
    movq $0, 8(%r13)
    movq $0, EVTCHN_PENDING(%r13)
    movq $1, 16(%r12)
    orb $3, 8(%rsp)
    iretq
peer_code_end:

    .section .note.GNU-stack, "", @progbits
