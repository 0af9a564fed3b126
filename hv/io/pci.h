/* SPDX-License-Identifier: MIT */
/*
 * PCI configuration space: mechanism 1 (ports 0xcf8, 0xcfc) for the first 256 bytes of segment 0, the memory
 * window that the MCFG table names for everything else. And the devices that dom0 has told us of.
 */
#ifndef HV_IO_PCI_H
#define HV_IO_PCI_H

#include "hv/lib/types.h"

struct pci_address {
    uint16_t segment;
    uint8_t bus, device, function;
};

#define PCI_FORM     "%04x:%02x:%02x.%u"
#define PCI_ARGS(a)  (a).segment, (a).bus, (a).device, (a).function
#define PCI_DEVFN(a) ((uint8_t)((a).device << 3 | (a).function))

static inline struct pci_address pci_address(uint16_t segment, uint8_t bus, uint8_t devfn)
{
    return (
        struct pci_address){ .segment = segment, .bus = bus, .device = devfn >> 3, .function = devfn & 7 };
}

/* Naturally aligned accesses below offset 4096. What cannot be reached reads as all ones and ignores writes.
 */
uint8_t pci_read8(struct pci_address a, uint16_t offset);
uint16_t pci_read16(struct pci_address a, uint16_t offset);
uint32_t pci_read32(struct pci_address a, uint16_t offset);
void pci_write8(struct pci_address a, uint16_t offset, uint8_t v);
void pci_write16(struct pci_address a, uint16_t offset, uint16_t v);
void pci_write32(struct pci_address a, uint16_t offset, uint32_t v);

/*
 * dom0's accesses to the ports 0xcfc..0xcff, with its own value of 0xcf8 (the hypervisor uses the real one
 * itself). `bytes` is 1, 2 or 4 and the access does not cross 0xcff.
 */
uint32_t pci_port_read(uint32_t cf8, uint16_t port, unsigned int bytes);
void pci_port_write(uint32_t cf8, uint16_t port, unsigned int bytes, uint32_t v);

/* Offset of a capability in the first 256 bytes, 0 = the device has none of that id. */
uint8_t pci_find_capability(struct pci_address a, uint8_t id);
#define PCI_CAP_MSI  0x05
#define PCI_CAP_MSIX 0x11

/* Memory address in base address register `bar` (0..5), 0 when it is no memory register. */
uint64_t pci_bar_address(struct pci_address a, unsigned int bar);

/* The devices that dom0 reported. 0; -ENODEV (nothing answers there), -EEXIST, -ENOMEM / -ENODEV. */
int pci_device_add(struct pci_address a);
int pci_device_remove(struct pci_address a);
bool pci_device_known(struct pci_address a);

#endif
