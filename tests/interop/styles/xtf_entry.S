/* SPDX-License-Identifier: MIT */
/*
 * Tests in the style of the Xen Test Framework: one source for three kinds of guests. PV64 has notes without any address; the
 * others are PVH, 64-bit with an identity map, or 32-bit without paging (HVM32).
 */
#define __ASSEMBLY__
#include <xen/xen.h>
#include <xen/elfnote.h>

.macro note type, directive, value:vararg
    .pushsection .note.Xen, "a", @note
    .balign 4
    .long 2f - 1f, 4f - 3f, \type
1:  .asciz "Xen"
2:  .balign 4
3:  \directive \value
4:  .balign 4
    .popsection
.endm

#if defined(PV64)
    note XEN_ELFNOTE_GUEST_OS, .asciz, "XTF style"
    note XEN_ELFNOTE_GUEST_VERSION, .asciz, "0"
    note XEN_ELFNOTE_LOADER, .asciz, "generic"
    note XEN_ELFNOTE_HYPERCALL_PAGE, .quad, hypercall_page
    note XEN_ELFNOTE_XEN_VERSION, .asciz, "xen-3.0"
    note XEN_ELFNOTE_FEATURES, .asciz, "!writable_page_tables|pae_pgdir_above_4gb"
    note XEN_ELFNOTE_PAE_MODE, .asciz, "yes"

    .text
    .globl start
start:
    movl $stack_top, %esp
    movq %rsi, %rdi
    call test_main
    ud2
#else
    note XEN_ELFNOTE_PHYS32_ENTRY, .long, start

    .text
    .code32
    .globl start
start:
#ifdef HVM64
    movl $0x20, %eax
    movl %eax, %cr4
    movl $l4, %eax
    movl %eax, %cr3
    movl $0xc0000080, %ecx
    rdmsr
    btsl $8, %eax
    wrmsr
    movl %cr0, %eax
    orl $0x80010000, %eax
#else
    movl %cr0, %eax
    orl $0x10000, %eax
#endif
    movl %eax, %cr0
    lgdt gdt_pointer
    ljmp $0x08, $1f
#ifdef HVM64
    .code64
#endif
1:  movl $0x10, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %fs
    movl %eax, %gs
    movl %eax, %ss
    movl $stack_top, %esp
#ifdef HVM64
    pushq $2
    popfq
    movl %ebx, %edi
    call test_main
#else
    pushl $2
    popfl
    pushl $0
    pushl $0
    pushl $0
    pushl %ebx
    call test_main
#endif
    ud2

    .data
    .balign 8
gdt:
    .quad 0
#ifdef HVM64
    .quad 0x00af9b000000ffff
#else
    .quad 0x00cf9b000000ffff
#endif
    .quad 0x00cf93000000ffff
gdt_pointer:
    .word . - gdt - 1
    .long gdt, 0

#ifdef HVM64
    .balign 4096
l4: .quad l3 + 7
    .fill 511, 8, 0
l3: .quad l2 + 7, l2 + 0x1007, l2 + 0x2007, l2 + 0x3007
    .fill 508, 8, 0
l2: .set address, 0
    .rept 2048
    .quad address + 0x83
    .set address, address + 0x200000
    .endr
#endif
#endif

    .section .text
    .globl hypercall_page
    .balign 4096
hypercall_page:
    .fill 4096, 1, 0xc3

    .bss
    .balign 16
    .skip 16384
stack_top:

    .section .note.GNU-stack, "", @progbits
