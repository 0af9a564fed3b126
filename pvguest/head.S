/* SPDX-License-Identifier: MIT */
/*
 * What the domain builder reads (ELF notes, <xen/elfnote.h>), and the first instructions. At the entry rsi holds the address
 * of start_info, event upcalls are masked, and the builder has cleared .bss.
 */
#include "pvguest/layout.h"
#define __ASSEMBLY__
#include <xen/elfnote.h>
#include <xen/features.h>

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

    note XEN_ELFNOTE_GUEST_OS, .asciz, "Ryokan pvguest"
    note XEN_ELFNOTE_GUEST_VERSION, .asciz, "1"
    note XEN_ELFNOTE_LOADER, .asciz, "generic"
    note XEN_ELFNOTE_XEN_VERSION, .asciz, "xen-3.0"
    note XEN_ELFNOTE_VIRT_BASE, .quad, PVG_VIRT_BASE
    note XEN_ELFNOTE_PADDR_OFFSET, .quad, 0
    note XEN_ELFNOTE_ENTRY, .quad, _start
    note XEN_ELFNOTE_HYPERCALL_PAGE, .quad, hypercall_page
    note XEN_ELFNOTE_FEATURES, .asciz, "!writable_page_tables|pae_pgdir_above_4gb"
    note XEN_ELFNOTE_SUPPORTED_FEATURES, .long, (1 << XENFEAT_dom0)
    note XEN_ELFNOTE_PAE_MODE, .asciz, "yes"
    note XEN_ELFNOTE_PHYS32_ENTRY, .long, pvh_entry - PVG_VIRT_BASE

    .section .text.start, "ax", @progbits
    .globl _start, hypercall_page
    .type _start, @function
_start:
    cld
    leaq boot_stack_top(%rip), %rsp
    movq %rsi, %rdi
    xorl %ebp, %ebp
    call start_of_day
    ud2
    .size _start, . - _start

/* How the library calls the hypervisor (hypercall.h). pvh_start() puts the instruction of hardware guests here instead. */
    .globl hypercall_gate
    .balign 8
hypercall_gate:
    syscall
    ret
    nop

/* Filled by the builder, or at a PVH guest's wish. */
    .balign 4096
hypercall_page:
    .skip 4096

/* The stack of the boot and then of the idle thread. The page below it is unmapped by memory_init(). */
    .section .bss.boot_stack, "aw", @nobits
    .globl boot_stack_guard, boot_stack_top
    .balign 4096
boot_stack_guard:
    .skip 4096
    .skip 16384
boot_stack_top:

    .section .note.GNU-stack, "", @progbits
