/* SPDX-License-Identifier: MIT */
/*
 * Physical interrupt sources. Source n < irq_gsi_count is the I/O APIC's global system interrupt n, higher
 * ones are messages of PCI devices. A source has a handler of the hypervisor, or guests that share it. Guests
 * name it by a number of their own, the pirq (hv/io/pirq.h).
 *
 * Delivery to guests: an edge or a message is acknowledged at once and nothing more is asked of the guest. A
 * level-triggered line is masked when it fires and stays so until each guest that got it has said end of
 * interrupt.
 */
#ifndef HV_IO_IRQ_H
#define HV_IO_IRQ_H

#include "hv/io/pci.h"
#include "hv/lib/types.h"

struct domain;

/* Most GSIs, and sources in all. */
#define IRQ_GSI_MAX 256u
#define IRQ_MAX     512u
/* Guests that can share a line. */
#define IRQ_GUESTS_MAX 7

extern unsigned int irq_gsi_count; /* one more than the highest GSI; 0: no I/O APIC */

/* Switches the PIC off and finds the I/O APICs. @pre acpi_init, apic_init_boot */
void irq_init(void);

/*
 * The hypervisor's own use of ISA interrupt `isa` (0..15): fn(arg) runs on the entry path of the boot CPU,
 * with no lock held. 0, -ENOENT without an I/O APIC input, -EBUSY when somebody has it, -ENOSPC without a
 * free vector.
 */
int irq_request_isa(unsigned int isa, void (*fn)(void *arg), void *arg);

/* The GSI that ISA interrupt `isa` comes in on. */
unsigned int irq_isa_to_gsi(unsigned int isa);

/* Something is behind the number, and it is not the hypervisor's own. */
bool irq_usable(unsigned int irq);
bool irq_is_level(unsigned int irq);
bool irq_is_shared(unsigned int irq);

/*
 * Trigger and polarity of a GSI, as dom0 found them. 0; -EINVAL (no such GSI), -EBUSY (the hypervisor's own),
 * -EEXIST (set up already: nothing is changed).
 */
int irq_setup_gsi(unsigned int gsi, bool level, bool active_low);

/* A source for a message of a device; its number, or as msi_open(), -EEXIST (that message has one), -ENOSPC.
 */
int irq_create_msi(struct pci_address device, bool msix, uint16_t entry);
/* @pre no guest is bound */
void irq_destroy_msi(unsigned int irq);
/* Writes the messages of a device again, after it lost its state. 0, -ESRCH when it has none. */
int irq_restore_msi(struct pci_address device);

/* Connects a guest, which gets evtchn_send_pirq(d, pirq); the first one unmasks the source. 0, -EINVAL,
 * -EBUSY, -ENOSPC. */
int irq_bind_guest(unsigned int irq, struct domain *d, unsigned int pirq, bool share);
void irq_unbind_guest(unsigned int irq, const struct domain *d);
/* d has finished with the interrupt it got; nothing if it has none in service. */
void irq_guest_eoi(unsigned int irq, const struct domain *d);
/* Deliver to this CPU from now on. */
void irq_set_cpu(unsigned int irq, unsigned int cpu);

#endif
