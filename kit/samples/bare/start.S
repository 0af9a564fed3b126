/* SPDX-License-Identifier: MIT */
/*
 * What a domain builder reads, and the first instructions. Notes are how a PV kernel says what it is and where it wants to be:
 * at virtual address 0 + p_paddr, entered at `start`, with the hypercalls' stubs filled in at `hypercall_page`.
 */
#define __ASSEMBLY__
#include <xen/elfnote.h>
#include <xen/features.h>

.macro note type, directive, value:vararg
    .pushsection .note.Xen, "a", @note
    .balign 4
    .long 2f - 1f, 4f - 3f, \type   /* lengths of name and value */
1:  .asciz "Xen"
2:  .balign 4
3:  \directive \value
4:  .balign 4
    .popsection
.endm

    note XEN_ELFNOTE_GUEST_OS, .asciz, "bare"
    note XEN_ELFNOTE_LOADER, .asciz, "generic"
    note XEN_ELFNOTE_XEN_VERSION, .asciz, "xen-3.0"
    note XEN_ELFNOTE_VIRT_BASE, .quad, 0
    note XEN_ELFNOTE_PADDR_OFFSET, .quad, 0
    note XEN_ELFNOTE_ENTRY, .quad, start
    note XEN_ELFNOTE_HYPERCALL_PAGE, .quad, hypercall_page
    note XEN_ELFNOTE_FEATURES, .asciz, "!writable_page_tables|pae_pgdir_above_4gb"
    note XEN_ELFNOTE_SUPPORTED_FEATURES, .long, (1 << XENFEAT_dom0)

/* In 64-bit mode, with paging on, events masked, .bss cleared, and the address of struct start_info in rsi. There is a stack, in
 * a page of the builder's; this one has a known size. */
    .text
    .globl start, hypercall_page
start:
    cld
    lea stack_top(%rip), %rsp
    xor %ebp, %ebp
    mov %rsi, %rdi
    call bare_main
    ud2

    .balign 4096
hypercall_page:
    .skip 4096

    .bss
    .balign 16
    .skip 8192
stack_top:

    .section .note.GNU-stack, "", @progbits
