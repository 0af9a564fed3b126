/* SPDX-License-Identifier: MIT */
/*
 * GDT, IDT and TSS of each CPU. The hypervisor's descriptors live in one page per CPU that appears at 0xe000
 * of whatever GDT is loaded (after the guest's 14 pages), as the PV ABI fixes the guest's flat selectors
 * there.
 */
#ifndef HV_CPU_DESC_H
#define HV_CPU_DESC_H

#define GDT_RESERVED_PAGE 14
#define GDT_RESERVED_BYTE 0xe000
#define GDT_LIMIT         0xefff

#define SEL_HV_CS      0xe008
#define SEL_HV_DS      0xe010
#define SEL_GUEST_CS32 0xe023
#define SEL_GUEST_DS   0xe02b /* also the flat stack segment */
#define SEL_GUEST_CS64 0xe033
#define SEL_TSS        0xe040
#define SEL_LDT        0xe050

#define IST_DF  1
#define IST_NMI 2
#define IST_MC  3
#define IST_DB  4

#ifndef __ASSEMBLY__
#include "hv/mm/mfn.h"

/* Build and load GDT, TSS, IDT and the syscall MSRs of this CPU; `stack` is its 32 KiB stack. */
void desc_init_cpu(unsigned int cpu, void *stack);
/* The boot CPU's IDT only, before there is memory: exceptions are reported from the first lines of C. */
void idt_init_early(void);

/* The reserved GDT page of a CPU, for the GDT window of the vCPU that runs on it. */
mfn_t cpu_gdt_mfn(unsigned int cpu);
/* Point GDTR at the CPU's own page (idle) or at a vCPU's window. */
void gdt_load_own(void);
void gdt_load(uint64_t base);
/* Where this CPU's own tables are. */
struct desc_bases {
    uint64_t gdt, idt, tss;
};
void desc_bases(struct desc_bases *out);
/* Write the LDT descriptor of this CPU and load it; 0 entries: no LDT. */
void ldt_load(uint64_t base, unsigned int entries);
#endif

#endif
