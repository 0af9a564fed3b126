/* SPDX-License-Identifier: MIT */
/* Message-signalled interrupts: PCI 3.0 §6.8, message format in SDM Vol. 3 §11.11. The capabilities belong to
 * the hypervisor, whoever drives the device. */
#ifndef HV_IO_MSI_H
#define HV_IO_MSI_H

#include "hv/io/pci.h"

struct msi_message {
    uint64_t address;
    uint32_t data;
};

/* Fixed delivery, edge, to one physical APIC id (below 255: there is no interrupt remapping). */
struct msi_message msi_compose(uint8_t vector, uint32_t dest);

/* One message of a device. */
struct msi {
    struct pci_address device;
    uint8_t capability; /* offset */
    bool msix;
    uint16_t entry;          /* of the MSI-X table; 0 for MSI */
    volatile uint32_t *slot; /* that entry, mapped */
};

/*
 * Opens the message: MSI (entry 0) or MSI-X entry `entry`, masked. 0; -ENODEV (no such capability), -EINVAL
 * (no such entry), -ENOMEM.
 */
int msi_open(struct msi *m, struct pci_address device, bool msix, uint16_t entry);
/* Masks it, and switches the capability off when it is MSI. */
void msi_close(struct msi *m);
/* May be called at any time between open and close. */
void msi_write(struct msi *m, struct msi_message message);
/* Masked: no messages are sent. A device with MSI that cannot mask has its MSI switched off. */
void msi_mask(struct msi *m, bool masked);
/* MSI-X as a whole: on with all entries masked, or off. 0 or -ENODEV. */
int msix_enable(struct pci_address device, bool on);

#endif
