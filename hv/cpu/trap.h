/* SPDX-License-Identifier: MIT */
/* Exceptions and interrupts: the table of handlers (hv/cpu/trap.c) and the exception table. */
#ifndef HV_CPU_TRAP_H
#define HV_CPU_TRAP_H

#include "hv/cpu/regs.h"

/*
 * Exceptions raised by a PV guest go up through this structure, set once at boot by hv/pv (lower layers do
 * not call upper ones by name). Called with the guest's frame; the handler either fixes the cause, or makes
 * the guest take the trap, or crashes the domain.
 */
struct guest_trap_ops {
    void (*exception)(struct regs *r); /* vectors 0..31 except NMI, #DF, #MC */
    void (*page_fault)(struct regs *r, uint64_t cr2);
    bool (*hv_page_fault)(
        struct regs *r,
        uint64_t cr2); /* a fault in hypervisor mode that a guest may cause: LDT window; true = fixed */
    bool (*iret_fault)(struct regs *r);
    void (*odd_flags)(struct regs *r); /* an interrupt found one of X86_EFLAGS_ODD set */
};
extern const struct guest_trap_ops *guest_trap_ops;

/* Device interrupts: called with the vector, before EOI; the handler does its own EOI. */
void set_irq_vector_handler(uint8_t vector, void (*fn)(uint8_t vector));
uint8_t alloc_irq_vector(void); /* a free device vector, the same on all CPUs; 0 = none */
void free_irq_vector(uint8_t vector);

/* Exception table: code address -> fixup address; entries are made with EX_TABLE in asm. */
#define EX_TABLE(from, to) EX_TABLE_TO(from, #to)
/* The same with a string, for the label of an asm goto ("%l[fault]"), which clang-format would break. */
#define EX_TABLE_TO(from, to)       \
    ".section .ex_table, \"a\"\n\t" \
    ".balign 8\n\t"                 \
    ".quad " #from ", " to "\n\t"   \
    ".previous\n\t"
uint64_t ex_table_fixup(uint64_t rip); /* 0 = none */

#endif
