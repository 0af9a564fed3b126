/* SPDX-License-Identifier: MIT */
/*
 * A PVH kernel in the style of Solo5, which MirageOS runs on: notes of its own before Xen's, each with a program header, a
 * header for Multiboot too, and 64-bit mode with static page tables. The guest information is taken to C; nothing is read of it yet.
 */
#define __ASSEMBLY__
#include <xen/xen.h>
#include <xen/elfnote.h>

    .section .interp, "a", @progbits
    .asciz "/nonexistent/solo5/"

    .section .note.style.first, "a", @note
    .balign 4
    .long 8, 4, 1
    .ascii "Foreign\0"
    .long 0

    .section .note.style.manifest, "a", @note
    .balign 4
    .long 6, 12, 0x3154464d
    .asciz "Solo5"
    .balign 4
    .long 0, 0, 1

    .section .note.style.xen, "a", @note
    .balign 4
    .long 4, 4, XEN_ELFNOTE_PHYS32_ENTRY
    .ascii "Xen\0"
    .long start32

    .section .data.multiboot, "a", @progbits
    .balign 4
multiboot:
    .long 0x1badb002, 0x10003, -(0x1badb002 + 0x10003)
    .long multiboot, 0x100000, data_end, image_end, start32

    .text
    .code32
    .globl start32
start32:
    cld
    movl $stack_top, %esp
    pushl $0
    pushl %ebx
    movl (%ebx), %eax
    cmpl $0x336ec578, %eax
    jne 1f
    lgdt gdt_pointer
    movl $0x10, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    xorl %eax, %eax
    movl %eax, %fs
    movl %eax, %gs
    movl %cr4, %eax
    orl $0x620, %eax
    movl %eax, %cr4
    movl $boot_l4, %eax
    movl %eax, %cr3
    movl $0xc0000080, %ecx
    rdmsr
    orl $0x900, %eax
    wrmsr
    movl %cr0, %eax
    orl $0x80010000, %eax
    movl %eax, %cr0
    pushw $0x08
    pushl $start64
    lretl
1:  cli
    hlt
    jmp 1b

    .code64
    .globl start64
start64:
    movq $stack_top, %rsp
    xorl %ebp, %ebp
    movq -8(%rsp), %rdi
    call kernel_main
    ud2

/* Vectors 32 (the upcall) and 47 (spurious). Everything else is not expected. */
    .globl upcall_entry, spurious_entry
upcall_entry:
    pushq %rax
    pushq %rcx
    pushq %rdx
    pushq %rsi
    pushq %rdi
    pushq %r8
    pushq %r9
    pushq %r10
    pushq %r11
    cld
    call take_events
    popq %r11
    popq %r10
    popq %r9
    popq %r8
    popq %rdi
    popq %rsi
    popq %rdx
    popq %rcx
    popq %rax
spurious_entry:
    iretq

    .data
    .balign 64
gdt:
    .quad 0, 0x00af9b000000ffff, 0x00cf93000000ffff
gdt_end:
gdt_pointer:
    .word gdt_end - gdt - 1
    .quad gdt

    .balign 4096
boot_l4:
    .quad boot_l3 + 3
    .fill 511, 8, 0
boot_l3:
    .quad boot_l2 + 3, boot_l2 + 0x1003, boot_l2 + 0x2003, boot_l2 + 0x3003
    .fill 508, 8, 0
boot_l2:
    .set address, 0
    .rept 2048
    .quad address + 0x83
    .set address, address + 0x200000
    .endr

/* A poison that the hypervisor writes over, although this is text. */
    .text
    .globl hypercall_page
    .balign 4096
hypercall_page:
    .fill 4096, 1, 0xc3

    .bss
    .balign 16
    .skip 16384
stack_top:

    .section .note.GNU-stack, "", @progbits
