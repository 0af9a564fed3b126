/* SPDX-License-Identifier: MIT */
/*
 * Physical interrupts. An irq is a source: irq n < irq_gsi_count is the I/O APIC's global system interrupt n,
 * higher ones are MSIs. It has at most one handler of the hypervisor, or any number of guests that share it.
 * What guests call a pirq is their own number for an irq.
 */
#ifndef HV_IO_IRQ_H
#define HV_IO_IRQ_H

#include "hv/lib/types.h"

struct domain;

/* Most GSIs and sources in all. */
#define IRQ_GSI_MAX 256
#define IRQ_MAX     512

extern unsigned int irq_gsi_count;

/* Finds the I/O APICs, switches off the PIC. @pre acpi_init, apic_init_boot */
void irq_init(void);

/*
 * The hypervisor's own use of ISA interrupt `isa` (0..15): fn(arg) runs on the entry path of the boot CPU,
 * with no lock held. 0, -ENOENT without an I/O APIC pin, -EBUSY when somebody has it, -ENOSPC without a free
 * vector.
 */
int irq_request_isa(unsigned int isa, void (*fn)(void *arg), void *arg);

/* The GSI that ISA interrupt `isa` comes in on. */
unsigned int irq_isa_to_gsi(unsigned int isa);

#endif
