/* SPDX-License-Identifier: MIT */
/*
 * From the boot loader (32-bit protected mode, paging off) to C in long mode. Three ways in: multiboot 1 (QEMU -kernel), multiboot 2
 * (GRUB by BIOS or UEFI) and PVH (QEMU -kernel with the ELF64 image, Xen). All arrive with a pointer in ebx; boot_start() sorts them
 * out by boot_magic.
 *
 * The early tables map physical 0..4 GiB with 2 MiB pages three times by sharing one L3: at 0 (this code), at IMAGE_START
 * (the image) and at DIRECT_MAP_START. hv/mm/paging.c replaces them.
 */
#include "hv/mm/layout.h"
#include "hv/cpu/desc.h"
#include "asm_offsets.h"

#define PHYS(x) ((x) - IMAGE_START)

#define MB1_MAGIC 0x1badb002
#define MB1_FLAGS 0x00000003 /* page-aligned modules, memory information */
#define MB2_MAGIC 0xe85250d6

        .section .multiboot, "ax"
        .balign 8
        .long MB1_MAGIC, MB1_FLAGS, -(MB1_MAGIC + MB1_FLAGS)

        .balign 8
mb2_header:
        .long MB2_MAGIC, 0, mb2_end - mb2_header, -(MB2_MAGIC + (mb2_end - mb2_header))
        .short 1, 1             /* information request, optional */
        .long mb2_req_end - . + 4
        .long 1, 3, 6, 14, 15   /* command line, modules, memory map, ACPI old and new */
mb2_req_end:
        .balign 8
        .short 6, 1             /* modules page aligned */
        .long 8
        .balign 8
        .short 3, 0             /* entry address */
        .long 12
        .long PHYS(boot_entry)
        .balign 8
        .short 0, 0
        .long 8
mb2_end:

        .section .note.Xen, "a", @note
        .balign 4
        .long 4, 4, 18          /* XEN_ELFNOTE_PHYS32_ENTRY */
        .asciz "Xen"
        .long PHYS(pvh_entry)

        .section .text.entry, "ax"
        .code32
        .globl boot_entry

pvh_entry:
        mov $0x336ec578, %eax   /* stands for "ebx is struct hvm_start_info" */
boot_entry:
        cli
        cld
        mov %eax, PHYS(boot_magic)
        mov %ebx, PHYS(boot_info_phys)
        mov $PHYS(boot_stack_end) - CPUINFO_size, %esp

        mov $0x80000000, %eax
        cpuid
        cmp $0x80000001, %eax
        jb no_long_mode
        mov $0x80000001, %eax
        cpuid
        bt $29, %edx
        jnc no_long_mode

        /* L2: 2048 large pages; L3 entries 0..3; L4 slots 0, image and direct map. */
        mov $PHYS(boot_l2), %edi
        mov $0x83, %eax         /* P RW PSE */
        xor %ecx, %ecx
1:      mov %eax, (%edi,%ecx,8)
        add $0x200000, %eax
        inc %ecx
        cmp $2048, %ecx
        jne 1b
        mov $PHYS(boot_l3), %edi
        mov $PHYS(boot_l2) + 3, %eax
        xor %ecx, %ecx
2:      mov %eax, (%edi,%ecx,8)
        add $0x1000, %eax
        inc %ecx
        cmp $4, %ecx
        jne 2b
        mov $PHYS(boot_l4), %edi
        mov $PHYS(boot_l3) + 3, %eax
        mov %eax, (%edi)
        mov %eax, SLOT_IMAGE*8(%edi)
        mov %eax, SLOT_DIRECT*8(%edi)
        call enter_long_mode_tables
        ljmp $8, $PHYS(long_mode)

/* Load CR3 with the boot tables and switch paging on (EFER.NXE where the CPU has NX); clobbers eax, ecx, edx, edi. */
enter_long_mode_tables:
        mov $0x80000001, %eax
        push %ebx
        cpuid
        pop %ebx
        shr $20, %edx
        and $1, %edx
        shl $11, %edx
        or $0x101, %edx         /* LME, SCE */
        push %edx
        mov $0x20, %eax         /* PAE */
        mov %eax, %cr4
        mov $PHYS(boot_l4), %eax
        mov %eax, %cr3
        mov $0xc0000080, %ecx
        rdmsr
        pop %edx
        or %edx, %eax
        xor %edx, %edx
        wrmsr
        mov $0x80050033, %eax   /* PG AM WP NE ET MP PE */
        mov %eax, %cr0
        lgdt PHYS(boot_gdtr)
        ret

no_long_mode:
        mov $PHYS(no_long_mode_text), %esi
3:      lodsb
        test %al, %al
        jz 5f
        mov %al, %bl
        mov $0x3fd, %dx
        mov $100000, %ecx
4:      in %dx, %al
        test $0x20, %al
        jnz 6f
        loop 4b
6:      mov $0x3f8, %dx
        mov %bl, %al
        out %al, %dx
        jmp 3b
5:      hlt
        jmp 5b

        .code64
long_mode:
        movabs $long_mode_high, %rax
        jmp *%rax
long_mode_high:
        xor %eax, %eax
        mov %eax, %ds
        mov %eax, %es
        mov %eax, %fs
        mov %eax, %gs
        mov $0x10, %eax
        mov %eax, %ss
        lea boot_stack_end(%rip), %rsp
        sub $CPUINFO_size, %rsp
        xor %ebp, %ebp
        mov boot_magic(%rip), %edi
        mov boot_info_phys(%rip), %esi
        call boot_start
        ud2

/* An AP in the image's address range: rcx = the hypervisor's root table, rsi = stack, edi = CPU number. */
ap_high:
        mov %rcx, %cr3
        mov %rsi, %rsp
        xor %eax, %eax
        mov %eax, %ds
        mov %eax, %es
        mov %eax, %fs
        mov %eax, %gs
        mov %eax, %ss
        xor %ebp, %ebp
        call ap_start
        ud2

        .section .rodata
no_long_mode_text:
        .asciz "\r\nRyokan: this CPU has no 64-bit (long) mode, which is needed.\r\n"
        .balign 8
        .globl boot_gdtr
boot_gdt:
        .quad 0
        .quad 0x00af9a000000ffff /* 64-bit code */
        .quad 0x00cf92000000ffff /* data */
boot_gdtr:
        .short 23
        .quad PHYS(boot_gdt)

        .data
        .globl boot_magic, boot_info_phys
boot_magic:     .long 0
boot_info_phys: .long 0

        .section .bss.page_aligned, "aw", @nobits
        .balign 32768
        .globl boot_stack, boot_stack_end
boot_stack:     .skip 32768
boot_stack_end:
        .balign 4096
        .globl boot_l4
boot_l4:        .skip 4096
boot_l3:        .skip 4096
boot_l2:        .skip 4096*4

/*
 * Application processors. This blob is copied to a page below 640 KiB and entered in real mode by a STARTUP IPI with cs = page << 8.
 * It fetches its parameters from the end of the blob, which hv/cpu/smp.c fills in the copy.
 */
        .section .rodata
        .globl trampoline_start, trampoline_end, trampoline_params
        .code16
trampoline_start:
        cli
        cld
        mov %cs, %ax
        mov %ax, %ds
        xor %ebx, %ebx
        mov %ax, %bx
        shl $4, %ebx            /* ebx = physical base of the copy */
        lidtl tramp_idt - trampoline_start
        lgdtl tramp_gdtr - trampoline_start
        mov %cr0, %eax
        or $1, %al
        mov %eax, %cr0
        ljmpl *(tramp_far32 - trampoline_start)
        .code32
tramp32:
        mov $16, %eax
        mov %eax, %ds
        mov %eax, %ss
        lea trampoline_params - trampoline_start + 64(%ebx), %esp
        add $192, %esp
        mov $0x20, %eax
        mov %eax, %cr4
        mov trampoline_params - trampoline_start(%ebx), %eax     /* boot tables */
        mov %eax, %cr3
        mov $0xc0000080, %ecx
        rdmsr
        or trampoline_params - trampoline_start + 4(%ebx), %eax  /* EFER bits */
        wrmsr
        mov $0x80050033, %eax
        mov %eax, %cr0
        ljmp *(tramp_far64 - trampoline_start)(%ebx)
        .code64
tramp64:
        mov trampoline_params - trampoline_start + 8(%rbx), %rsi
        mov trampoline_params - trampoline_start + 16(%rbx), %rcx
        mov trampoline_params - trampoline_start + 24(%rbx), %edi
        movabs $ap_high, %rax
        jmp *%rax
        .balign 8
tramp_gdt:
        .quad 0
        .quad 0x00cf9a000000ffff /* 8: 32-bit code */
        .quad 0x00cf92000000ffff /* 16: data */
        .quad 0x00af9a000000ffff /* 24: 64-bit code */
        .globl tramp_gdtr, tramp_far32, tramp_far64, tramp32_offset, tramp64_offset
tramp_gdtr:
        .short 31
        .long tramp_gdt - trampoline_start                       /* base added when copied */
        .balign 4
tramp_idt:
        .short 0
        .long 0
        .balign 4
tramp_far32:
        .long tramp32 - trampoline_start
        .short 8
        .balign 4
tramp_far64:
        .long tramp64 - trampoline_start
        .short 24
        .balign 8
trampoline_params:
        .skip 64                /* struct trampoline_params, then a small stack */
        .skip 256
trampoline_end:
