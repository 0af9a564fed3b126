/* SPDX-License-Identifier: MIT */
#include "pvguest/pci.h"
#include "pvguest/acpi.h"
#include "pvguest/hypercall.h"
#include "pvguest/ioport.h"
#include "pvguest/sync.h"
#include "pvguest/vmap.h"
#include "pvguest/xen_errno.h"
#include <stdlib.h>
#include <string.h>
#include <xen/physdev.h>

#define CONFIG_ADDRESS 0xcf8
#define CONFIG_DATA    0xcfc

#define PCI_VENDOR_ID        0x00
#define PCI_STATUS           0x06
#define PCI_HEADER_TYPE      0x0e
#define PCI_CAPABILITIES     0x34
#define PCI_STATUS_CAPS      0x10
#define PCI_HEADER_MULTI     0x80
#define PCI_HEADER_TYPE_MASK 0x7f
#define PCI_HEADER_BRIDGE    0x01
#define PCI_SECONDARY_BUS    0x19
#define MCFG_ENTRIES_OFFSET  44
#define BUS_SPACE            0x100000UL /* of memory-mapped configuration space */

/* One range of an MCFG table (PCI Firmware Specification 3.0, 4.1.2). */
struct mcfg_entry {
    uint64_t base;
    uint16_t segment;
    uint8_t first_bus, last_bus;
    uint32_t reserved;
} __attribute__((packed));

static struct mutex lock = MUTEX_INITIALIZER(lock);
static bool ports_enabled;
static struct mcfg_entry *mcfg;
static size_t mcfg_count;
static char *bus_windows[256]; /* segment 0, mapped when first used */

/* Machine address of a bus's memory-mapped space, 0 if it has none. */
static uint64_t bus_address(uint16_t segment, uint8_t bus)
{
    for (size_t i = 0; i < mcfg_count; i++)
        if (mcfg[i].segment == segment && bus >= mcfg[i].first_bus && bus <= mcfg[i].last_bus)
            return mcfg[i].base + bus * BUS_SPACE;
    return 0;
}

/* Where a function's configuration space is mapped, or NULL. */
static char *function_window(struct pci_address address)
{
    uint64_t paddr;

    if (address.segment)
        return NULL;
    if (!bus_windows[address.bus]) {
        paddr = bus_address(address.segment, address.bus);
        if (paddr)
            bus_windows[address.bus] = map_machine(paddr, BUS_SPACE, PTE_RW | PTE_UNCACHED);
    }
    if (!bus_windows[address.bus])
        return NULL;
    return bus_windows[address.bus] +
           ((unsigned long)address.device << 15 | (unsigned long)address.function << 12);
}

static bool select_by_ports(struct pci_address address, unsigned int offset)
{
    if (!ports_enabled || address.segment || offset >= 256)
        return false;
    outl(CONFIG_ADDRESS, 1U << 31 | (uint32_t)address.bus << 16 | (uint32_t)address.device << 11 |
                             (uint32_t)address.function << 8 | (offset & 0xfc));
    return true;
}

static uint32_t window_read(const volatile char *at, unsigned int size)
{
    if (size == 1)
        return *(const volatile uint8_t *)at;
    return size == 2 ? *(const volatile uint16_t *)at : *(const volatile uint32_t *)at;
}

static void window_write(volatile char *at, unsigned int size, uint32_t value)
{
    if (size == 1)
        *(volatile uint8_t *)at = (uint8_t)value;
    else if (size == 2)
        *(volatile uint16_t *)at = (uint16_t)value;
    else
        *(volatile uint32_t *)at = value;
}

static uint32_t port_read(uint16_t port, unsigned int size)
{
    if (size == 1)
        return inb(port);
    return size == 2 ? inw(port) : inl(port);
}

static void port_write(uint16_t port, unsigned int size, uint32_t value)
{
    if (size == 1)
        outb(port, (uint8_t)value);
    else if (size == 2)
        outw(port, (uint16_t)value);
    else
        outl(port, value);
}

static bool access_is_valid(struct pci_address address, unsigned int offset, unsigned int size)
{
    return (size == 1 || size == 2 || size == 4) && offset % size == 0 && offset < 4096 &&
           address.device < 32 && address.function < 8;
}

/* Ports are used for what they reach: there every access is seen by the hypervisor, which keeps watch over
 * interrupts. */
uint32_t pci_config_read(struct pci_address address, unsigned int offset, unsigned int size)
{
    uint32_t value = 0xffffffff >> (32 - 8 * size);
    const char *window;

    if (!access_is_valid(address, offset, size))
        return value;
    mutex_lock(&lock);
    if (select_by_ports(address, offset)) {
        value = port_read((uint16_t)(CONFIG_DATA + (offset & 3)), size);
    } else {
        window = function_window(address);
        if (window)
            value = window_read(window + offset, size);
    }
    mutex_unlock(&lock);
    return value;
}

void pci_config_write(struct pci_address address, unsigned int offset, unsigned int size, uint32_t value)
{
    char *window;

    if (!access_is_valid(address, offset, size))
        return;
    mutex_lock(&lock);
    if (select_by_ports(address, offset)) {
        port_write((uint16_t)(CONFIG_DATA + (offset & 3)), size, value);
    } else {
        window = function_window(address);
        if (window)
            window_write(window + offset, size, value);
    }
    mutex_unlock(&lock);
}

unsigned int pci_find_capability(struct pci_address address, uint8_t id)
{
    unsigned int offset;

    if (!(pci_config_read(address, PCI_STATUS, 2) & PCI_STATUS_CAPS))
        return 0;
    offset = pci_config_read(address, PCI_CAPABILITIES, 1) & 0xfc;
    for (int hops = 0; offset >= 0x40 && hops < 48; hops++) {
        if (pci_config_read(address, offset, 1) == id)
            return offset;
        offset = pci_config_read(address, offset + 1, 1) & 0xfc;
    }
    return 0;
}

static bool present(struct pci_address address)
{
    return pci_config_read(address, PCI_VENDOR_ID, 2) != 0xffff;
}

static bool for_each_on_bus(uint8_t bus, bool (*fn)(struct pci_address address, void *arg), void *arg);

/* A function, and what is behind it if it is a bridge: only to a higher bus, so that nonsense in a bridge
 * ends. */
static bool visit(struct pci_address address, bool (*fn)(struct pci_address address, void *arg), void *arg)
{
    uint8_t behind;

    if (!present(address))
        return true;
    if (!fn(address, arg))
        return false;
    if ((pci_config_read(address, PCI_HEADER_TYPE, 1) & PCI_HEADER_TYPE_MASK) != PCI_HEADER_BRIDGE)
        return true;
    behind = (uint8_t)pci_config_read(address, PCI_SECONDARY_BUS, 1);
    return behind <= address.bus || for_each_on_bus(behind, fn, arg);
}

static bool for_each_on_bus(uint8_t bus, bool (*fn)(struct pci_address address, void *arg), void *arg)
{
    for (unsigned int device = 0; device < 32; device++) {
        struct pci_address address = { .bus = bus, .device = (uint8_t)device };
        unsigned int functions = 1;

        if (!present(address))
            continue;
        if (pci_config_read(address, PCI_HEADER_TYPE, 1) & PCI_HEADER_MULTI)
            functions = 8;
        for (unsigned int function = 0; function < functions; function++) {
            address.function = (uint8_t)function;
            if (!visit(address, fn, arg))
                return false;
        }
    }
    return true;
}

void pci_for_each(bool (*fn)(struct pci_address address, void *arg), void *arg)
{
    for_each_on_bus(0, fn, arg);
}

static bool report_device(struct pci_address address, void *arg)
{
    struct physdev_pci_device_add add = { .seg = address.segment,
                                          .bus = address.bus,
                                          .devfn = (uint8_t)(address.device << 3 | address.function) };

    (void)arg;
    hypercall_physdev_op(PHYSDEVOP_pci_device_add, &add);
    return true;
}

static void read_mcfg(void)
{
    size_t length;
    char *table = acpi_table("MCFG", &length);

    if (table && length > MCFG_ENTRIES_OFFSET) {
        mcfg_count = (length - MCFG_ENTRIES_OFFSET) / sizeof(*mcfg);
        mcfg = calloc(mcfg_count, sizeof(*mcfg));
        if (mcfg)
            memcpy(mcfg, table + MCFG_ENTRIES_OFFSET, mcfg_count * sizeof(*mcfg));
        else
            mcfg_count = 0;
    }
    free(table);
}

int pci_init(void)
{
    int error = ioport_enable();

    if (error)
        return error;
    ports_enabled = true;
    read_mcfg();
    pci_for_each(report_device, NULL);
    return 0;
}
