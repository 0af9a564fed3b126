/* SPDX-License-Identifier: MIT */
#include "dom0_tools/pci/pci_function.h"

#define HEADER_TYPE_MASK   0x7f
#define HEADER_TYPE_NORMAL 0
#define HEADER_TYPE_BRIDGE 1

/* The MSI-X capability (6.8.2): control word with the table's size, and the register whose memory has it. */
#define MSIX_CONTROL   2
#define MSIX_SIZE_MASK 0x07ff
#define MSIX_TABLE     4
#define MSIX_BIR_MASK  7U

#define BAR_IO           0x1
#define BAR_TYPE_MASK    0x6
#define BAR_TYPE_64      0x4
#define BAR_PREFETCHABLE 0x8
#define BAR_IO_MASK      (~0x3U)
#define BAR_MEMORY_MASK  (~0xfU)

void pci_read_function(struct pci_function *function, struct pci_address address)
{
    uint32_t id = pci_config_read(address, PCI_VENDOR_ID, 4);
    uint8_t type = (uint8_t)pci_config_read(address, PCI_HEADER_TYPE, 1) & HEADER_TYPE_MASK;

    *function = (struct pci_function){
        .address = address,
        .vendor = (uint16_t)id,
        .device = (uint16_t)(id >> 16),
        .class = (uint8_t)pci_config_read(address, PCI_CLASS, 1),
        .subclass = (uint8_t)pci_config_read(address, PCI_SUBCLASS, 1),
        .prog_if = (uint8_t)pci_config_read(address, PCI_PROG_IF, 1),
        .revision = (uint8_t)pci_config_read(address, PCI_REVISION, 1),
        .header_type = type,
        .interrupt_line = (uint8_t)pci_config_read(address, PCI_INTERRUPT_LINE, 1),
        .interrupt_pin = (uint8_t)pci_config_read(address, PCI_INTERRUPT_PIN, 1),
        .nr_bars = type == HEADER_TYPE_NORMAL   ? 6
                   : type == HEADER_TYPE_BRIDGE ? 2
                                                : 0,
    };
    if (type == HEADER_TYPE_NORMAL) {
        function->subsystem_vendor = (uint16_t)pci_config_read(address, PCI_SUBSYSTEM_VENDOR, 2);
        function->subsystem = (uint16_t)pci_config_read(address, PCI_SUBSYSTEM, 2);
    }
}

void pci_command_bits(struct pci_address address, uint16_t on, uint16_t off)
{
    uint16_t command = (uint16_t)pci_config_read(address, PCI_COMMAND, 2);

    pci_config_write(address, PCI_COMMAND, 2, (command & ~(uint32_t)off) | on);
}

/* The register's writable bits: those that stay when ones are written. */
static uint32_t probe(struct pci_address address, unsigned offset, uint32_t value)
{
    uint32_t bits;

    pci_config_write(address, offset, 4, UINT32_MAX);
    bits = pci_config_read(address, offset, 4);
    pci_config_write(address, offset, 4, value);
    return bits;
}

static bool is_upper_half(const struct pci_function *function, unsigned i)
{
    bool upper = false;

    for (unsigned k = 0; k < i; k++) {
        uint32_t value = pci_config_read(function->address, PCI_BAR0 + 4 * k, 4);

        upper = !upper && (value & BAR_IO) == 0 && (value & BAR_TYPE_MASK) == BAR_TYPE_64;
    }
    return upper;
}

void pci_read_bar(const struct pci_function *function, unsigned i, struct pci_bar *bar)
{
    struct pci_address address = function->address;
    uint16_t command = (uint16_t)pci_config_read(address, PCI_COMMAND, 2);
    unsigned offset = PCI_BAR0 + 4 * i;
    uint32_t low = pci_config_read(address, offset, 4), high = 0;
    uint64_t bits;

    *bar = (struct pci_bar){ 0 };
    if (is_upper_half(function, i))
        return;
    bar->io = (low & BAR_IO) != 0;
    bar->wide = !bar->io && (low & BAR_TYPE_MASK) == BAR_TYPE_64 && i + 1 < function->nr_bars;
    bar->prefetchable = !bar->io && (low & BAR_PREFETCHABLE) != 0;

    pci_command_bits(address, 0, PCI_COMMAND_IO | PCI_COMMAND_MEMORY);
    bits = probe(address, offset, low) & (bar->io ? BAR_IO_MASK : BAR_MEMORY_MASK);
    if (bar->wide) {
        high = pci_config_read(address, offset + 4, 4);
        bits |= (uint64_t)probe(address, offset + 4, high) << 32;
    }
    pci_config_write(address, PCI_COMMAND, 2, command);

    bar->present = bits != 0;
    bar->size = bits & -bits;
    bar->address = ((uint64_t)high << 32 | low) & ~(uint64_t)(bar->io ? ~BAR_IO_MASK : ~BAR_MEMORY_MASK);
}

unsigned pci_read_msix(const struct pci_function *function, uint64_t *table)
{
    unsigned cap = pci_find_capability(function->address, PCI_CAP_MSIX);
    unsigned index = cap == 0 ? 0 : pci_config_read(function->address, cap + MSIX_TABLE, 4) & MSIX_BIR_MASK;
    struct pci_bar bar;

    if (cap == 0 || index >= function->nr_bars)
        return 0;
    pci_read_bar(function, index, &bar);
    *table = bar.address;
    return bar.present ? (pci_config_read(function->address, cap + MSIX_CONTROL, 2) & MSIX_SIZE_MASK) + 1 : 0;
}
