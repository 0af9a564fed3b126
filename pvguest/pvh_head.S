/* SPDX-License-Identifier: MIT */
/*
 * The entry point of a PVH guest (<xen/arch-x86/hvm/start_info.h>): 32-bit code at its physical address, paging off, ebx = the
 * address of hvm_start_info. Maps one GiB at PVG_VIRT_BASE and what the first 16 MiB are at both addresses, and goes on in C.
 * Behind it, how the processor's interrupts enter: with the frame that a hypervisor makes for a paravirtual guest (entry.S).
 */
#include "pvguest/layout.h"
#define __ASSEMBLY__
#include <xen/xen.h>

#define PHYS(symbol)  (symbol - PVG_VIRT_BASE)
#define SHARED_TABLES (PVG_VIRT_BASE >> 21) /* entries of the level-2 table below PVG_VIRT_BASE */
#define ENTRY_TABLE   0x63
#define ENTRY_2M      0xe3

    .text
    .code32
    .globl pvh_entry
pvh_entry:
    cld
    movl %ebx, %ebp
    movl $PHYS(boot_l3) + ENTRY_TABLE, PHYS(boot_l4)
    movl $PHYS(boot_l2) + ENTRY_TABLE, PHYS(boot_l3)
    movl $PHYS(boot_l2), %edi
    movl $ENTRY_2M, %eax
    xorl %ecx, %ecx
1:  movl %eax, (%edi,%ecx,8)
    addl $0x200000, %eax
    incl %ecx
    cmpl $SHARED_TABLES, %ecx
    jne 2f
    movl $ENTRY_2M, %eax            /* PVG_VIRT_BASE is physical address 0 again */
2:  cmpl $512, %ecx
    jne 1b

    movl $0x620, %eax               /* PAE, OSFXSR, OSXMMEXCPT */
    movl %eax, %cr4
    movl $PHYS(boot_l4), %eax
    movl %eax, %cr3
    movl $0xc0000080, %ecx          /* EFER: NXE, LME */
    rdmsr
    orl $0x900, %eax
    wrmsr
    movl $0x80010033, %eax          /* PG, WP, NE, ET, MP, PE */
    movl %eax, %cr0
    lgdt PHYS(gdt_pointer_low)
    ljmp $0x08, $PHYS(1f)

    .code64
1:  movabsq $2f, %rax
    jmp *%rax
2:  lgdt pvh_gdt_pointer(%rip)
    movl $0x10, %eax
    movl %eax, %ss
    movl %eax, %ds
    movl %eax, %es
    leaq boot_stack_top(%rip), %rsp
    movl %ebp, %edi
    xorl %ebp, %ebp
    call pvh_start
    ud2

/* Where a further vCPU begins, in 64-bit mode and on its own stack (VCPUOP_initialise): calls the function in rsi with the argument in
 * rdi, which does not return. The segments have the right attributes already, but no selectors that an interrupt could return to. */
    .globl pvh_vcpu_entry
pvh_vcpu_entry:
    lgdt pvh_gdt_pointer(%rip)
    pushq $0x08
    leaq 1f(%rip), %rax
    pushq %rax
    lretq
1:  movl $0x10, %eax
    movl %eax, %ss
    movl %eax, %ds
    movl %eax, %es
    movq %rsi, %r12
    movq %rdi, %r13
    jmp thread_entry

/* rdi = entries, rsi = value, rdx = count, rcx = words. On no stack: what is written behind the copy is lost. */
    .globl pvh_move_image
pvh_move_image:
    movq %rdi, %r8
    movq %rsi, %r9
    movq $PVG_VIRT_BASE, %rsi
    xorl %edi, %edi
    cld
    rep movsq
1:  movq %r9, (%r8)
    addq $8, %r8
    addq $0x200000, %r9
    decq %rdx
    jnz 1b
    movq %cr3, %rax
    movq %rax, %cr3
    ret

/* pvh_stubs + 16 * n: the processor has pushed an error code or not, and trap_stubs knows for which vectors. */
    .globl pvh_stubs, pvh_event
    .balign 16
pvh_stubs:
    .set vector, 0
    .rept 256
    .balign 16
    pushq %r11
    pushq %rcx
    jmp trap_stubs + 16 * vector
    .set vector, vector + 1
    .endr

pvh_event:
    pushq %r11
    pushq %rcx
    jmp event_callback

    .data
    .balign 16
    .globl pvh_gdt, pvh_gdt_pointer
pvh_gdt:
    .quad 0
    .quad 0x00af9b000000ffff        /* 64-bit code */
    .quad 0x00cf93000000ffff        /* data */
    .fill 2 * XEN_LEGACY_MAX_VCPUS, 8, 0 /* each vCPU's task state, by load_task_state() */
gdt_end:
pvh_gdt_pointer:
    .word gdt_end - pvh_gdt - 1
    .quad pvh_gdt
gdt_pointer_low:
    .word gdt_end - pvh_gdt - 1
    .long PHYS(pvh_gdt)

    .section .bss.pvh_tables, "aw", @nobits
    .balign 4096
    .globl boot_l2
boot_l4: .skip 4096
boot_l3: .skip 4096
boot_l2: .skip 4096

    .section .note.GNU-stack, "", @progbits
