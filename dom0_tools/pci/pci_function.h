/* SPDX-License-Identifier: MIT */
/* What a PCI function's configuration space says about it (PCI Local Bus 3.0, chapter 6). */
#ifndef DOM0_PCI_PCI_FUNCTION_H
#define DOM0_PCI_PCI_FUNCTION_H

#include <stdbool.h>
#include <stdint.h>

#include "pvguest/pci.h"

#define PCI_VENDOR_ID        0x00
#define PCI_DEVICE_ID        0x02
#define PCI_COMMAND          0x04
#define PCI_REVISION         0x08
#define PCI_PROG_IF          0x09
#define PCI_SUBCLASS         0x0a
#define PCI_CLASS            0x0b
#define PCI_HEADER_TYPE      0x0e
#define PCI_BAR0             0x10
#define PCI_SUBSYSTEM_VENDOR 0x2c
#define PCI_SUBSYSTEM        0x2e
#define PCI_CAPABILITIES     0x34
#define PCI_INTERRUPT_LINE   0x3c
#define PCI_INTERRUPT_PIN    0x3d

#define PCI_COMMAND_IO       0x0001
#define PCI_COMMAND_MEMORY   0x0002
#define PCI_COMMAND_MASTER   0x0004
#define PCI_COMMAND_INTX_OFF 0x0400

#define PCI_CAP_MSI  0x05
#define PCI_CAP_MSIX 0x11

struct pci_bar {
    bool present, io, wide, prefetchable;
    uint64_t address;
    uint64_t size; /* bytes */
};

struct pci_function {
    struct pci_address address;
    uint16_t vendor, device, subsystem_vendor, subsystem;
    uint8_t class, subclass, prog_if, revision, header_type;
    uint8_t interrupt_line, interrupt_pin; /* pin 0: none */
    unsigned nr_bars;
};

/* Reads the header. Threads only, as all of this file. */
void pci_read_function(struct pci_function *function, struct pci_address address);

/*
 * Reads base address register i (below nr_bars) and finds its size by writing ones to it, with the function's
 * decoding switched off for that moment. The second half of a 64-bit register reads as not present.
 */
void pci_read_bar(const struct pci_function *function, unsigned i, struct pci_bar *bar);

/*
 * How many MSI-X vectors the function has, 0: none; *table becomes the machine address of the memory that its
 * table lies in, as pirq_map_msix() wants it.
 */
unsigned pci_read_msix(const struct pci_function *function, uint64_t *table);

/* Switches bits of the command register on or off. */
void pci_command_bits(struct pci_address address, uint16_t on, uint16_t off);

#endif
