/* SPDX-License-Identifier: MIT */
/*
 * A PV kernel in the style of Mini-OS, linked at address 0, and its entries. It says what it is in the text of a section
 * __xen_guest, as before there were ELF notes: there the hypercall page is a number of a page. UNIKRAFT gives the four notes and
 * the first instructions of Unikraft's Xen platform instead, which comes from Mini-OS.
 */
#define __ASSEMBLY__
#include <xen/xen.h>
#include <xen/elfnote.h>

#ifdef UNIKRAFT
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
    note XEN_ELFNOTE_GUEST_OS, .asciz, "Unikraft style"
    note XEN_ELFNOTE_LOADER, .asciz, "generic"
    note XEN_ELFNOTE_HYPERCALL_PAGE, .quad, hypercall_page
    note XEN_ELFNOTE_XEN_VERSION, .asciz, "xen-3.0"
#else
    .section __xen_guest, "", @progbits
    .ascii "GUEST_OS=Mini-OS style,XEN_VER=xen-3.0,VIRT_BASE=0x0,ELF_PADDR_OFFSET=0x0,HYPERCALL_PAGE=0x2,LOADER=generic"
    .byte 0
#endif

#define CR4_SSE      0x600
#define CR4_FSGSBASE 0x10000
#define CR4_OSXSAVE  0x40000

    .section .text.head, "ax", @progbits
    .globl _start
_start:
    cld
    movq %rsi, %r12
#ifdef UNIKRAFT
    /* As on bare metal; the hypervisor emulates what is privileged. */
    movq %cr0, %rax
    andl $~0xc, %eax
    orl $0x22, %eax
    movq %rax, %cr0
    fninit
    movq %cr4, %rdi
    orl $CR4_SSE, %edi
    movq %rdi, %cr4
    ldmxcsr power_on_mxcsr(%rip)
    movl $1, %eax
    cpuid
    testl $(1 << 26), %ecx
    jz 1f
    orl $CR4_OSXSAVE, %edi
    movq %rdi, %cr4
    xorl %ecx, %ecx
    xgetbv
    orl $3, %eax
    xsetbv
1:  movl $7, %eax
    xorl %ecx, %ecx
    cpuid
    testl $1, %ebx
    jz 2f
    orl $CR4_FSGSBASE, %edi
    movq %rdi, %cr4
2:
#endif
    leaq stack_top(%rip), %rsp
    movq %r12, %rdi
    xorl %ebp, %ebp
    jmp kernel_main
power_on_mxcsr:
    .long 0x1f80

/* The page table entry of this page is overwritten: the hypervisor's page comes in its place. */
    .globl shared_info, hypercall_page
    .org 0x1000
shared_info:
    .skip 4096
hypercall_page:
    .skip 4096

/* Frames are the processor's, below rcx and r11. Returns are by iretq in ring 3: the selectors' privilege is put back. */
    .text
    .globl upcall_entry, failsafe_entry, page_fault_entry
upcall_entry:
    popq %rcx
    popq %r11
    pushq %rax
    pushq %rcx
    pushq %rdx
    pushq %rsi
    pushq %rdi
    pushq %r8
    pushq %r9
    pushq %r10
    pushq %r11
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
    orb $3, 8(%rsp)
    orb $3, 32(%rsp)
    movb $0, shared_info + 1(%rip)      /* evtchn_upcall_mask; an event from here on nests */
    iretq

failsafe_entry:
    popq %rcx
    popq %r11
    iretq

/* Every fault is by a two-byte instruction of probe(): counts, and goes on behind it. */
page_fault_entry:
    popq %rcx
    popq %r11
    incl faults(%rip)
    addq $8, %rsp
    addq $2, (%rsp)
    orb $3, 8(%rsp)
    orb $3, 32(%rsp)
    iretq

    .bss
    .balign 16
    .skip 16384
stack_top:

    .section .note.GNU-stack, "", @progbits
