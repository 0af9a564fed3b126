/* SPDX-License-Identifier: MIT */
/*
 * PCI configuration space, for a domain with hardware access: memory-mapped where ACPI describes it (MCFG),
 * else by ports 0xcf8/0xcfc. Threads only.
 */
#ifndef PVGUEST_PCI_H
#define PVGUEST_PCI_H

#include <stdbool.h>
#include <stdint.h>

struct pci_address {
    uint16_t segment;
    uint8_t bus;
    uint8_t device;   /* 0..31 */
    uint8_t function; /* 0..7 */
};

/* Finds the way to configuration space and reports the devices of segment 0 to the hypervisor. 0 or a negated
 * Xen errno: -XEN_EPERM in a domain without hardware access. */
int pci_init(void);

/* size: 1, 2 or 4 bytes at a naturally aligned offset below 256, or below 4096 where the function's space is
 * memory-mapped. What cannot be reached reads as all ones, and writes to it are dropped. */
uint32_t pci_config_read(struct pci_address address, unsigned int offset, unsigned int size);
void pci_config_write(struct pci_address address, unsigned int offset, unsigned int size, uint32_t value);

/* Offset of the first capability of that kind, 0 if there is none. */
unsigned int pci_find_capability(struct pci_address address, uint8_t id);

/* Calls fn for each function that is present on bus 0 and behind its bridges, until it returns false. */
void pci_for_each(bool (*fn)(struct pci_address address, void *arg), void *arg);

#endif
