/* SPDX-License-Identifier: MIT */
#include "hv/io/domain_ports.h"
#include "hv/cpu/alu.h"
#include "hv/cpu/insn.h"
#include "hv/domain/domain.h"
#include "hv/io/pci.h"
#include "hv/lib/rangeset.h"

#define PCI_ADDRESS_PORT 0xcf8
#define PCI_DATA_PORT    0xcfc

static uint32_t port_in(uint16_t port, unsigned int bytes)
{
    return bytes == 1 ? inb(port) : bytes == 2 ? inw(port) : inl(port);
}

static void port_out(uint16_t port, unsigned int bytes, uint32_t value)
{
    if (bytes == 1)
        outb(port, (uint8_t)value);
    else if (bytes == 2)
        outw(port, (uint16_t)value);
    else
        outl(port, value);
}

/* The address register exists for 4-byte accesses only; others at 0xcf8 are ordinary ports (reset control is
 * 0xcf9). */
static bool is_pci_address(uint32_t port, unsigned int bytes)
{
    return port == PCI_ADDRESS_PORT && bytes == 4;
}

static bool is_pci_data(uint32_t port, unsigned int bytes)
{
    return (port & ~3u) == PCI_DATA_PORT && (port & 3) + bytes <= 4;
}

static bool owns(const struct domain *d, uint32_t port, unsigned int bytes)
{
    return !is_pci_address(port, bytes) && rangeset_contains(d->ioports, port, port + bytes - 1);
}

uint32_t domain_port_in(struct domain *d, uint32_t port, unsigned int bytes)
{
    if (owns(d, port, bytes))
        return port_in((uint16_t)port, bytes);
    if (is_pci_address(port, bytes))
        return d->hardware ? d->pci_cf8 : ~0u;
    if (is_pci_data(port, bytes) && d->hardware)
        return pci_port_read(d->pci_cf8, (uint16_t)port, bytes);
    return (uint32_t)alu_mask(bytes);
}

void domain_port_out(struct domain *d, uint32_t port, unsigned int bytes, uint32_t value)
{
    if (owns(d, port, bytes))
        port_out((uint16_t)port, bytes, value);
    else if (is_pci_address(port, bytes))
        d->pci_cf8 = value;
    else if (is_pci_data(port, bytes) && d->hardware)
        pci_port_write(d->pci_cf8, (uint16_t)port, bytes, value);
}
