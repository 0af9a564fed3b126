/* SPDX-License-Identifier: MIT */
#include "hv/io/msi.h"
#include "hv/lib/errno.h"
#include "hv/mm/paging.h"

#define MSI_ADDRESS 0xfee00000

/* MSI capability: offsets from its start, and control bits. */
#define MSI_CONTROL      2
#define MSI_ADDRESS_LOW  4
#define MSI_ADDRESS_HIGH 8
#define MSI_ENABLE       0x0001
#define MSI_COUNT_MASK   0x0070
#define MSI_64BIT        0x0080
#define MSI_MASKABLE     0x0100

/* MSI-X capability. */
#define MSIX_CONTROL    2
#define MSIX_TABLE      4
#define MSIX_SIZE_MASK  0x07ff
#define MSIX_MASK_ALL   0x4000
#define MSIX_ENABLE     0x8000
#define MSIX_BIR_MASK   7u
#define MSIX_ENTRY_SIZE 16
/* Words of an entry. */
#define ENTRY_ADDRESS_LOW  0
#define ENTRY_ADDRESS_HIGH 1
#define ENTRY_DATA         2
#define ENTRY_CONTROL      3
#define ENTRY_MASKED       1

#define PCI_COMMAND        4
#define PCI_COMMAND_MEMORY 2

struct msi_message msi_compose(uint8_t vector, uint32_t dest)
{
    return (struct msi_message){ .address = MSI_ADDRESS | dest << 12, .data = vector };
}

static uint16_t control_read(const struct msi *m)
{
    return pci_read16(m->device, (uint16_t)(m->capability + MSI_CONTROL));
}

static void control_write(const struct msi *m, uint16_t v)
{
    pci_write16(m->device, (uint16_t)(m->capability + MSI_CONTROL), v);
}

/* The data register stands behind the upper half of the address, if there is one; the mask behind the data.
 */
static uint16_t data_offset(const struct msi *m)
{
    return (uint16_t)(m->capability + (control_read(m) & MSI_64BIT ? 12 : 8));
}

int msix_enable(struct pci_address device, bool on)
{
    uint8_t capability = pci_find_capability(device, PCI_CAP_MSIX);
    uint16_t control;

    if (capability == 0)
        return -ENODEV;
    control = pci_read16(device, (uint16_t)(capability + MSIX_CONTROL));
    if (on)
        control = (uint16_t)((control | MSIX_ENABLE) & ~MSIX_MASK_ALL);
    else
        control = (uint16_t)(control & ~MSIX_ENABLE);
    pci_write16(device, (uint16_t)(capability + MSIX_CONTROL), control);
    return 0;
}

static int msix_open(struct msi *m)
{
    uint32_t table = pci_read32(m->device, (uint16_t)(m->capability + MSIX_TABLE));
    uint64_t bar = pci_bar_address(m->device, table & MSIX_BIR_MASK);
    uint16_t command = pci_read16(m->device, PCI_COMMAND);

    if (m->entry > (control_read(m) & MSIX_SIZE_MASK) || bar == 0)
        return -EINVAL;
    m->slot = ioremap(bar + (table & ~MSIX_BIR_MASK) + (uint64_t)m->entry * MSIX_ENTRY_SIZE, MSIX_ENTRY_SIZE);
    if (m->slot == NULL)
        return -ENOMEM;
    /* The table answers only while the device decodes memory. */
    if (!(command & PCI_COMMAND_MEMORY))
        pci_write16(m->device, PCI_COMMAND, command | PCI_COMMAND_MEMORY);
    m->slot[ENTRY_CONTROL] |= ENTRY_MASKED;
    return msix_enable(m->device, true);
}

int msi_open(struct msi *m, struct pci_address device, bool msix, uint16_t entry)
{
    *m = (struct msi){ .device = device, .msix = msix, .entry = entry };
    m->capability = pci_find_capability(device, msix ? PCI_CAP_MSIX : PCI_CAP_MSI);
    if (m->capability == 0)
        return -ENODEV;
    if (msix)
        return msix_open(m);
    if (entry != 0)
        return -EINVAL;
    control_write(m, (uint16_t)(control_read(m) & ~(MSI_ENABLE | MSI_COUNT_MASK)));
    return 0;
}

void msi_close(struct msi *m)
{
    msi_mask(m, true);
    if (!m->msix)
        control_write(m, (uint16_t)(control_read(m) & ~MSI_ENABLE));
    else
        vunmap((const void *)(uintptr_t)m->slot, MSIX_ENTRY_SIZE);
}

void msi_write(struct msi *m, struct msi_message message)
{
    uint32_t control;

    if (m->msix) {
        /* An entry may only change while it is masked. */
        control = m->slot[ENTRY_CONTROL];
        m->slot[ENTRY_CONTROL] = control | ENTRY_MASKED;
        m->slot[ENTRY_ADDRESS_LOW] = (uint32_t)message.address;
        m->slot[ENTRY_ADDRESS_HIGH] = (uint32_t)(message.address >> 32);
        m->slot[ENTRY_DATA] = message.data;
        m->slot[ENTRY_CONTROL] = control;
        return;
    }
    pci_write32(m->device, (uint16_t)(m->capability + MSI_ADDRESS_LOW), (uint32_t)message.address);
    if (control_read(m) & MSI_64BIT)
        pci_write32(m->device, (uint16_t)(m->capability + MSI_ADDRESS_HIGH),
                    (uint32_t)(message.address >> 32));
    pci_write16(m->device, data_offset(m), (uint16_t)message.data);
}

void msi_mask(struct msi *m, bool masked)
{
    uint16_t control;

    if (m->msix) {
        uint32_t word = m->slot[ENTRY_CONTROL];

        m->slot[ENTRY_CONTROL] = masked ? word | ENTRY_MASKED : word & ~(uint32_t)ENTRY_MASKED;
        return;
    }
    control = control_read(m);
    if (control & MSI_MASKABLE)
        pci_write32(m->device, (uint16_t)(data_offset(m) + 4), masked);
    if (!masked)
        control_write(m, control | MSI_ENABLE);
    else if (!(control & MSI_MASKABLE))
        control_write(m, (uint16_t)(control & ~MSI_ENABLE));
}
