/* SPDX-License-Identifier: MIT */
#include "pvguest/pirq.h"
#include "pvguest/hypercall.h"
#include "pvguest/xen_errno.h"
#include <xen/physdev.h>

/* PCI Local Bus 3.0, 6.8: the control word, at the same place in both capabilities. */
#define PCI_CAP_MSI     0x05
#define PCI_CAP_MSIX    0x11
#define PCI_MSI_CONTROL 2
#define PCI_MSI_ENABLE  0x0001
#define PCI_MSIX_ENABLE 0x8000

static int map(struct pirq *pirq, struct physdev_map_pirq *op)
{
    long error;

    op->domid = DOMID_SELF;
    op->pirq = -1;
    error = hypercall_physdev_op(PHYSDEVOP_map_pirq, op);
    if (error)
        return (int)error;
    *pirq = (struct pirq){ .number = op->pirq };
    return 0;
}

int pirq_map_gsi(struct pirq *pirq, unsigned int gsi, bool level, bool active_low)
{
    struct physdev_map_pirq op = { .type = MAP_PIRQ_TYPE_GSI, .index = (int)gsi };
    struct physdev_setup_gsi setup = { .gsi = (int)gsi, .triggering = level, .polarity = active_low };
    int error = map(pirq, &op);
    long set;

    if (error)
        return error;
    pirq->keep_mapped = true;
    set = hypercall_physdev_op(PHYSDEVOP_setup_gsi, &setup);
    return set == -XEN_EEXIST ? 0 : (int)set;
}

/* The hypervisor writes where a message goes; that the device sends any is the driver's to switch. */
static void enable_messages(struct pci_address device, uint8_t capability, uint16_t enable_bit)
{
    unsigned int control = pci_find_capability(device, capability) + PCI_MSI_CONTROL;

    pci_config_write(device, control, 2, pci_config_read(device, control, 2) | enable_bit);
}

static int map_message(struct pirq *pirq, struct pci_address device, unsigned int index, uint64_t table)
{
    struct physdev_map_pirq op = {
        .type = MAP_PIRQ_TYPE_MSI_SEG,
        .index = -1,
        .bus = device.bus | device.segment << 16,
        .devfn = device.device << 3 | device.function,
        .entry_nr = (int)index,
        .table_base = table,
    };

    return map(pirq, &op);
}

int pirq_map_msi(struct pirq *pirq, struct pci_address device)
{
    int error = map_message(pirq, device, 0, 0);

    if (!error)
        enable_messages(device, PCI_CAP_MSI, PCI_MSI_ENABLE);
    return error;
}

int pirq_map_msix(struct pirq *pirq, struct pci_address device, unsigned int index, uint64_t table)
{
    int error = map_message(pirq, device, index, table);

    if (!error)
        enable_messages(device, PCI_CAP_MSIX, PCI_MSIX_ENABLE);
    return error;
}

static void acknowledge(const struct pirq *pirq)
{
    struct physdev_eoi eoi = { .irq = (uint32_t)pirq->number };

    if (pirq->needs_eoi)
        hypercall_physdev_op(PHYSDEVOP_eoi, &eoi);
}

static void pirq_event(evtchn_port_t port, void *arg)
{
    struct pirq *pirq = arg;

    pirq->handler(port, pirq->arg);
    acknowledge(pirq);
}

int pirq_bind(struct pirq *pirq, bool shared, evtchn_handler_t handler, void *arg)
{
    struct physdev_irq_status_query query = { .irq = (uint32_t)pirq->number };
    int error = evtchn_bind_pirq((unsigned int)pirq->number, shared ? BIND_PIRQ__WILL_SHARE : 0, &pirq->port);

    if (error)
        return error;
    pirq->bound = true;
    pirq->handler = handler;
    pirq->arg = arg;
    pirq->needs_eoi =
        hypercall_physdev_op(PHYSDEVOP_irq_status_query, &query) || query.flags & XENIRQSTAT_needs_eoi;
    error = evtchn_set_handler(pirq->port, pirq_event, pirq);
    if (error) {
        evtchn_close(pirq->port);
        pirq->bound = false;
        return error;
    }
    evtchn_unmask(pirq->port);
    acknowledge(pirq); /* one that came while the line was being set up */
    return 0;
}

void pirq_release(struct pirq *pirq)
{
    struct physdev_unmap_pirq unmap = { .domid = DOMID_SELF, .pirq = pirq->number };

    if (pirq->bound)
        evtchn_close(pirq->port);
    pirq->bound = false;
    if (!pirq->keep_mapped)
        hypercall_physdev_op(PHYSDEVOP_unmap_pirq, &unmap);
}
