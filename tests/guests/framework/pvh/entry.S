/* SPDX-License-Identifier: MIT */
/*
 * Start of day of a PVH guest, and its trap entries, which leave the frame that the shared code knows (struct cpu_regs).
 * The image is mapped at VIRT_BASE by 4 KiB pages, and the first GiB at its physical address.
 */
#define __ASSEMBLY__
#include <xen/elfnote.h>
#include "tests/guests/framework/layout.h"

#define MAPPED_TABLES 16 /* of 2 MiB each: the image and its memory */
#define ENTRY_RW      0x63
#define ENTRY_RW_2M   0xe3
#define PHYS(symbol)  (symbol - VIRT_BASE)

    .pushsection .note.Xen, "a", @note
    .balign 4
    .long 4, 4, XEN_ELFNOTE_PHYS32_ENTRY
    .asciz "Xen"
    .long PHYS(pvh_entry)
    .popsection

    .text
    .balign 4096
    .globl hypercall_page
hypercall_page:
    .skip 4096, 0xc3

/* With a hypercall's number and arguments in their registers: slot 0 of the page, behind its load of the number. */
    .globl hypercall_gate
hypercall_gate:
    mov $hypercall_page + 5, %r11
    jmp *%r11

    .code32
    .globl pvh_entry
/* ecx entries at edi, the first with the value of eax, each edx higher. */
fill:
    mov %eax, (%edi)
    movl $0, 4(%edi)
    add %edx, %eax
    add $8, %edi
    dec %ecx
    jnz fill
    jmp *%esi
    .globl _start
_start:
pvh_entry:
    cld
    mov %ebx, PHYS(pvh_start_info)
    mov $PHYS(boot_l1), %edi
    mov $ENTRY_RW, %eax
    mov $0x1000, %edx
    mov $MAPPED_TABLES * 512, %ecx
    mov $PHYS(1f), %esi
    jmp fill
1:  mov $PHYS(boot_l2), %edi
    mov $PHYS(boot_l1) + ENTRY_RW, %eax
    mov $MAPPED_TABLES, %ecx
    mov $PHYS(1f), %esi
    jmp fill
1:  mov $PHYS(boot_l2_low), %edi
    mov $ENTRY_RW_2M, %eax
    mov $0x200000, %edx
    mov $512, %ecx
    mov $PHYS(1f), %esi
    jmp fill
1:  movl $PHYS(boot_l2_low) + ENTRY_RW, PHYS(boot_l3_low)
    movl $PHYS(boot_l2) + ENTRY_RW, PHYS(boot_l3) + 510 * 8
    movl $PHYS(boot_l3_low) + ENTRY_RW, PHYS(boot_l4)
    movl $PHYS(boot_l3) + ENTRY_RW, PHYS(boot_l4) + 511 * 8
    mov $0x620, %eax                /* PAE, OSFXSR, OSXMMEXCPT */
    mov %eax, %cr4
    mov $PHYS(boot_l4), %eax
    mov %eax, %cr3
    mov $0xc0000080, %ecx
    rdmsr
    or $0x901, %eax                 /* NXE, LME, SCE */
    wrmsr
    mov $0x80010033, %eax           /* PG, WP, NE, ET, MP, PE */
    mov %eax, %cr0
    lgdt PHYS(gdt_pointer_low)
    ljmp $0x08, $PHYS(1f)
    .code64
1:  mov $2f, %rax
    jmp *%rax
2:  lgdt gdt_pointer
    mov $0x10, %eax
    mov %eax, %ss
    mov %eax, %ds
    mov %eax, %es
    mov $cpu_areas + CPU_AREA_SIZE, %rsp
    xor %ebp, %ebp
    call pvh_start
    ud2

/* A secondary vCPU, in 64-bit mode on its stack (vcpu_hvm_context). */
    .globl smp_entry
smp_entry:
    lgdt gdt_pointer
    push $0x08
    push $1f
    lretq
1:  mov $0x10, %eax
    mov %eax, %ss
    mov %eax, %ds
    mov %eax, %es
    xor %ebp, %ebp
    call smp_main
    ud2

    .balign 16
    .globl trap_stubs
trap_stubs:
    .set vector, 0
    .rept 256
    .balign 16
    .if (vector == 8) || (vector >= 10 && vector <= 14) || (vector == 17)
    .else
    push $0
    .endif
    .byte 0x68
    .long vector
    jmp trap_common
    .set vector, vector + 1
    .endr

    .globl upcall_entry
upcall_entry:
    push $0
    push $TRAP_UPCALL
trap_common:
    push %rcx
    push %r11
    push %rax
    push %rdx
    push %rbx
    push %rbp
    push %rsi
    push %rdi
    push %r8
    push %r9
    push %r10
    push %r12
    push %r13
    push %r14
    push %r15
    cld
    mov %rsp, %rdi
    mov %rsp, %rbx
    and $-16, %rsp
    call trap_entry
    mov %rbx, %rsp
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %r10
    pop %r9
    pop %r8
    pop %rdi
    pop %rsi
    pop %rbp
    pop %rbx
    pop %rdx
    pop %rax
    pop %r11
    pop %rcx
    add $16, %rsp
    iretq

    .data
    .balign 16
gdt:
    .quad 0
    .quad 0x00af9b000000ffff
    .quad 0x00cf93000000ffff
    .quad 0x00cf9b000000ffff    /* CODE32: code32.S */
gdt_end:
    .globl gdt_pointer
gdt_pointer:
    .word gdt_end - gdt - 1
    .quad gdt
gdt_pointer_low:
    .word gdt_end - gdt - 1
    .long PHYS(gdt)
    .globl pvh_start_info
    .balign 8
pvh_start_info:
    .quad 0

    .section .bss.pages, "aw", @nobits
    .balign 4096
    .globl boot_l4, boot_l3_low
boot_l4:     .skip 4096
boot_l3:     .skip 4096
boot_l3_low: .skip 4096
boot_l2:     .skip 4096
boot_l2_low: .skip 4096
boot_l1:     .skip 4096 * MAPPED_TABLES

    .section .note.GNU-stack, "", @progbits
