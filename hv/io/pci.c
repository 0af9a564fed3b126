/* SPDX-License-Identifier: MIT */
#include "hv/io/pci.h"
#include "hv/cpu/insn.h"
#include "hv/io/acpi.h"
#include "hv/lib/errno.h"
#include "hv/lib/list.h"
#include "hv/lib/spinlock.h"
#include "hv/mm/heap.h"
#include "hv/mm/paging.h"

#define CONFIG_ADDRESS 0xcf8
#define CONFIG_DATA    0xcfc
#define CONFIG_ENABLE  BIT(31)

#define PCI_STATUS       0x06
#define PCI_STATUS_CAPS  0x10
#define PCI_HEADER_TYPE  0x0e
#define PCI_BAR0         0x10
#define PCI_CAPABILITIES 0x34
#define BAR_IO           0x1
#define BAR_TYPE_MASK    0x6
#define BAR_64           0x4
#define CAPS_MAX         48

struct pci_device {
    struct list all;
    struct pci_address address;
};

/* The device list and the two ports. */
static struct spinlock pci_lock = SPINLOCK_INIT(LOCK_PCI);
static struct list devices = LIST_INIT(devices);
/* Where the configuration space of each mapped bus is: one entry for each (MCFG range, bus), mapped at first
 * use. */
static volatile uint8_t *ecam[ACPI_MAX_MCFG][256];

static volatile uint8_t *ecam_of(struct pci_address a, uint16_t offset)
{
    for (uint32_t i = 0; i < acpi_info.nr_mcfg; i++) {
        const struct acpi_mcfg *m = &acpi_info.mcfg[i];
        volatile uint8_t *bus = ecam[i][a.bus];

        if (m->segment != a.segment || a.bus < m->bus_first || a.bus > m->bus_last)
            continue;
        if (bus == NULL) {
            bus = ioremap(m->address + ((uint64_t)a.bus << 20), MIB(1));
            if (bus == NULL)
                return NULL;
            ecam[i][a.bus] = bus;
        }
        return bus + ((uint32_t)PCI_DEVFN(a) << 12) + offset;
    }
    return NULL;
}

static bool mechanism_1(struct pci_address a, uint16_t offset)
{
    return a.segment == 0 && offset < 256;
}

static uint32_t config_address(struct pci_address a, uint16_t offset)
{
    return (uint32_t)(CONFIG_ENABLE | (uint32_t)a.bus << 16 | (uint32_t)PCI_DEVFN(a) << 8 | (offset & 0xfc));
}

#define PCI_ACCESS(bits, in, out)                                                 \
    uint##bits##_t pci_read##bits(struct pci_address a, uint16_t offset)          \
    {                                                                             \
        uint##bits##_t v = (uint##bits##_t) ~0u;                                  \
        volatile uint##bits##_t *reg;                                             \
                                                                                  \
        if (mechanism_1(a, offset)) {                                             \
            spin_lock(&pci_lock);                                                 \
            outl(CONFIG_ADDRESS, config_address(a, offset));                      \
            v = in((uint16_t)(CONFIG_DATA + (offset & (4 - sizeof(v)))));         \
            spin_unlock(&pci_lock);                                               \
        } else {                                                                  \
            reg = (volatile uint##bits##_t *)ecam_of(a, offset);                  \
            if (reg != NULL)                                                      \
                v = *reg;                                                         \
        }                                                                         \
        return v;                                                                 \
    }                                                                             \
    void pci_write##bits(struct pci_address a, uint16_t offset, uint##bits##_t v) \
    {                                                                             \
        volatile uint##bits##_t *reg;                                             \
                                                                                  \
        if (mechanism_1(a, offset)) {                                             \
            spin_lock(&pci_lock);                                                 \
            outl(CONFIG_ADDRESS, config_address(a, offset));                      \
            out((uint16_t)(CONFIG_DATA + (offset & (4 - sizeof(v)))), v);         \
            spin_unlock(&pci_lock);                                               \
        } else {                                                                  \
            reg = (volatile uint##bits##_t *)ecam_of(a, offset);                  \
            if (reg != NULL)                                                      \
                *reg = v;                                                         \
        }                                                                         \
    }
PCI_ACCESS(8, inb, outb)
PCI_ACCESS(16, inw, outw)
PCI_ACCESS(32, inl, outl)
#undef PCI_ACCESS

uint32_t pci_port_read(uint32_t cf8, uint16_t port, unsigned int bytes)
{
    uint32_t v;

    spin_lock(&pci_lock);
    outl(CONFIG_ADDRESS, cf8);
    v = bytes == 1 ? inb(port) : bytes == 2 ? inw(port) : inl(port);
    spin_unlock(&pci_lock);
    return v;
}

void pci_port_write(uint32_t cf8, uint16_t port, unsigned int bytes, uint32_t v)
{
    spin_lock(&pci_lock);
    outl(CONFIG_ADDRESS, cf8);
    if (bytes == 1)
        outb(port, (uint8_t)v);
    else if (bytes == 2)
        outw(port, (uint16_t)v);
    else
        outl(port, v);
    spin_unlock(&pci_lock);
}

uint8_t pci_find_capability(struct pci_address a, uint8_t id)
{
    uint8_t at;

    if (pci_read16(a, 0) == 0xffff || !(pci_read16(a, PCI_STATUS) & PCI_STATUS_CAPS))
        return 0;
    at = pci_read8(a, PCI_CAPABILITIES) & 0xfc;
    /* A device may link its list into a circle. */
    for (unsigned int n = 0; at >= 0x40 && n < CAPS_MAX; n++) {
        uint16_t head = pci_read16(a, at);

        if ((head & 0xff) == id)
            return at;
        at = (head >> 8) & 0xfc;
    }
    return 0;
}

uint64_t pci_bar_address(struct pci_address a, unsigned int bar)
{
    unsigned int bars = (pci_read8(a, PCI_HEADER_TYPE) & 0x7f) == 0 ? 6 : 2;
    uint16_t offset = (uint16_t)(PCI_BAR0 + 4 * bar);
    uint64_t v;

    if (bar >= bars)
        return 0;
    v = pci_read32(a, offset);
    if (v & BAR_IO)
        return 0;
    if ((v & BAR_TYPE_MASK) == BAR_64 && bar + 1 < bars)
        v |= (uint64_t)pci_read32(a, (uint16_t)(offset + 4)) << 32;
    return v & ~0xfULL;
}

static bool same_address(struct pci_address a, struct pci_address b)
{
    return a.segment == b.segment && a.bus == b.bus && PCI_DEVFN(a) == PCI_DEVFN(b);
}

/* Lock: pci_lock. */
static struct pci_device *find_device(struct pci_address a)
{
    struct pci_device *dev;

    list_for_each (dev, &devices, all)
        if (same_address(dev->address, a))
            return dev;
    return NULL;
}

bool pci_device_known(struct pci_address a)
{
    bool known;

    spin_lock(&pci_lock);
    known = find_device(a) != NULL;
    spin_unlock(&pci_lock);
    return known;
}

int pci_device_add(struct pci_address a)
{
    struct pci_device *dev;
    bool known;

    if (pci_read16(a, 0) == 0xffff)
        return -ENODEV;
    dev = hv_zalloc(sizeof(*dev));
    if (dev == NULL)
        return -ENOMEM;
    dev->address = a;
    spin_lock(&pci_lock);
    known = find_device(a) != NULL;
    if (!known)
        list_add_tail(&dev->all, &devices);
    spin_unlock(&pci_lock);
    if (known)
        hv_free(dev);
    return known ? -EEXIST : 0;
}

int pci_device_remove(struct pci_address a)
{
    struct pci_device *dev;

    spin_lock(&pci_lock);
    dev = find_device(a);
    if (dev)
        list_del(&dev->all);
    spin_unlock(&pci_lock);
    hv_free(dev);
    return dev ? 0 : -ENODEV;
}
