/* SPDX-License-Identifier: MIT */
/*
 * Interrupts of real devices as event channels, by physdev_op (<xen/physdev.h>), for a domain with hardware
 * access. Map, then bind; the handler runs in event context, and the interrupt is acknowledged after it. 0 or
 * a negated Xen errno.
 */
#ifndef PVGUEST_PIRQ_H
#define PVGUEST_PIRQ_H

#include "pvguest/event_channel.h"
#include "pvguest/pci.h"
#include <stdbool.h>

struct pirq {
    int number; /* the hypervisor's PIRQ */
    evtchn_port_t port;
    bool bound;
    bool needs_eoi;
    bool keep_mapped; /* a GSI: Xen takes the right to a line away from the domain that unmaps it */
    evtchn_handler_t handler;
    void *arg;
};

/* Global system interrupt, as the I/O APICs number them; with the line's mode as ACPI says it (PCI: level,
 * low). */
int pirq_map_gsi(struct pirq *pirq, unsigned int gsi, bool level, bool active_low);

/* The device's MSI, or entry `index` of its MSI-X table, which the hypervisor writes itself; table is the
 * machine address of the BAR that holds the table. Enabled in the device from then on. */
int pirq_map_msi(struct pirq *pirq, struct pci_address device);
int pirq_map_msix(struct pirq *pirq, struct pci_address device, unsigned int index, uint64_t table);

/* Binds the interrupt and calls handler(port, arg) for each. */
int pirq_bind(struct pirq *pirq, bool shared, evtchn_handler_t handler, void *arg);

/* Unbinds, and unmaps unless it is a GSI, which can be mapped again at any time. */
void pirq_release(struct pirq *pirq);

#endif
