/* SPDX-License-Identifier: MIT */
/* physdev_op: physical interrupts, PCI devices and I/O privilege. One function a sub-operation; the PCI ones
 * are in physdev_pci.c. */
#include "hypercalls/physdev.h"
#include "hv/io/ioapic.h"
#include "hv/io/irq.h"
#include "hv/io/pirq.h"
#include "hv/lib/nospec.h"
#include "hv/lib/rangeset.h"

#define IO_PORTS 65536

/* After PHYSDEVOP_pirq_eoi_gmfn_v1 the guest leaves it to us to unmask the port. */
static void unmask_port_of(struct domain *d, uint32_t pirq)
{
    struct evtchn *chn;

    spin_lock(&d->evtchn.lock);
    chn = d->evtchn.pirq_port && d->evtchn.pirq_port[pirq] ? evtchn_of(&d->evtchn, d->evtchn.pirq_port[pirq])
                                                           : NULL;
    if (chn) {
        evtchn_lock(chn);
        d->evtchn.ops->unmask(d, chn);
        evtchn_unlock(chn);
    }
    spin_unlock(&d->evtchn.lock);
}

static int64_t physdev_eoi(gva_t arg)
{
    struct domain *d = current->domain;
    struct physdev_eoi eoi;

    if (read_guest(&eoi, arg))
        return -EFAULT;
    if (eoi.irq >= pirq_count(d))
        return -EINVAL;
    eoi.irq = (uint32_t)index_nospec(eoi.irq, IRQ_MAX);
    if (pirq_eoi_unmasks(d))
        unmask_port_of(d, eoi.irq);
    return pirq_eoi(d, eoi.irq);
}

static int64_t physdev_pirq_eoi_gmfn(gva_t arg, bool eoi_unmasks)
{
    struct physdev_pirq_eoi_gmfn info;

    if (read_guest(&info, arg))
        return -EFAULT;
    return pirq_set_eoi_page(current->domain, mfn(info.gmfn), eoi_unmasks);
}

static int64_t physdev_irq_status_query(gva_t arg)
{
    struct physdev_irq_status_query query;
    int rc;

    if (read_guest(&query, arg))
        return -EFAULT;
    rc = pirq_status(current->domain, query.irq, &query.flags);
    if (rc)
        return rc;
    return write_guest(arg, &query);
}

static int map_msi(struct domain *d, struct physdev_map_pirq *map)
{
    uint16_t segment = map->type == MAP_PIRQ_TYPE_MSI ? 0 : (uint16_t)((uint32_t)map->bus >> 16);
    struct pci_address device = pci_address(segment, (uint8_t)map->bus, (uint8_t)map->devfn);
    bool msix = map->type != MAP_PIRQ_TYPE_MULTI_MSI && map->table_base != 0;

    if (map->type == MAP_PIRQ_TYPE_MULTI_MSI) {
        if (map->entry_nr <= 0 || map->entry_nr > 32)
            return -EDOM;
        /* Several vectors in a row would need interrupt remapping. */
        if (map->entry_nr != 1)
            return -EOPNOTSUPP;
    } else if (map->entry_nr < 0 || map->entry_nr > 2047) {
        return -EINVAL;
    }
    if (!pci_device_known(device))
        return -ENODEV;
    return pirq_map_msi(d, device, msix, msix ? (uint16_t)map->entry_nr : 0, map->pirq);
}

static int map_gsi(struct domain *d, const struct physdev_map_pirq *map)
{
    struct rangeset *allowed = current->domain->irqs;

    if (map->index < 0 || (unsigned int)map->index >= irq_gsi_count)
        return -EINVAL;
    if (allowed == NULL || !rangeset_contains(allowed, (unsigned int)map->index, (unsigned int)map->index))
        return -EPERM;
    return pirq_map_gsi(d, (unsigned int)map->index, map->pirq);
}

static int map_pirq(struct domain *d, struct physdev_map_pirq *map)
{
    switch (map->type) {
    case MAP_PIRQ_TYPE_GSI:
        return map_gsi(d, map);
    case MAP_PIRQ_TYPE_MSI:
    case MAP_PIRQ_TYPE_MSI_SEG:
    case MAP_PIRQ_TYPE_MULTI_MSI:
        return map_msi(d, map);
    default:
        return -EINVAL;
    }
}

static int64_t physdev_map_pirq(gva_t arg)
{
    struct physdev_map_pirq map;
    struct domain *d;
    int rc;

    if (read_guest(&map, arg))
        return -EFAULT;
    d = domain_for_hypercall(map.domid, ACTION_CONTROL, &rc);
    if (d == NULL)
        return rc;
    rc = map_pirq(d, &map);
    domain_put(d);
    if (rc < 0)
        return rc;
    map.pirq = rc;
    return write_guest(arg, &map);
}

static int64_t physdev_unmap_pirq(gva_t arg)
{
    struct physdev_unmap_pirq unmap;
    struct domain *d;
    int rc;

    if (read_guest(&unmap, arg))
        return -EFAULT;
    d = domain_for_hypercall(unmap.domid, ACTION_CONTROL, &rc);
    if (d == NULL)
        return rc;
    rc = unmap.pirq < 0 ? -EINVAL : pirq_unmap(d, (unsigned int)unmap.pirq);
    domain_put(d);
    return rc;
}

static int64_t physdev_get_free_pirq(gva_t arg)
{
    struct physdev_get_free_pirq out;
    int pirq;

    if (read_guest(&out, arg))
        return -EFAULT;
    if (out.type != MAP_PIRQ_TYPE_GSI && out.type != MAP_PIRQ_TYPE_MSI)
        return -EINVAL;
    pirq = pirq_reserve(current->domain, out.type == MAP_PIRQ_TYPE_MSI);
    if (pirq < 0)
        return pirq;
    out.pirq = (uint32_t)pirq;
    return write_guest(arg, &out);
}

static int64_t physdev_setup_gsi(gva_t arg)
{
    struct physdev_setup_gsi setup;

    if (read_guest(&setup, arg))
        return -EFAULT;
    if (may(current->domain, ACTION_HARDWARE, NULL))
        return -EPERM;
    if (setup.gsi < 0 || setup.triggering > 1 || setup.polarity > 1)
        return -EINVAL;
    return irq_setup_gsi((unsigned int)setup.gsi, setup.triggering == 1, setup.polarity == 1);
}

static int64_t physdev_set_iopl(gva_t arg)
{
    struct physdev_set_iopl set;

    if (read_guest(&set, arg))
        return -EFAULT;
    if (set.iopl > 3)
        return -EINVAL;
    current->pv.iopl = (uint8_t)set.iopl;
    return 0;
}

static int64_t physdev_set_iobitmap(gva_t arg)
{
    struct physdev_set_iobitmap set;

    if (read_guest(&set, arg))
        return -EFAULT;
    if (set.nr_ports > IO_PORTS || !guest_range_ok(gva_of_handle(set.bitmap), IO_PORTS / 8))
        return -EINVAL;
    current->pv.iobmp = gva_of_handle(set.bitmap).va;
    current->pv.iobmp_limit = set.nr_ports;
    return 0;
}

/* The I/O APICs are the hypervisor's: dom0 sees what is there, and its writes do nothing. */
static int64_t physdev_apic(gva_t arg, bool write)
{
    struct physdev_apic apic;
    uint32_t value;

    if (read_guest(&apic, arg))
        return -EFAULT;
    if (may(current->domain, ACTION_HARDWARE, NULL))
        return -EPERM;
    if (!ioapic_peek(apic.apic_physbase, apic.reg, &value))
        return -EINVAL;
    apic.value = value;
    return write ? 0 : write_guest(arg, &apic);
}

/* Vectors are the hypervisor's business: a guest gets the interrupt's number back. */
static int64_t physdev_alloc_irq_vector(gva_t arg)
{
    struct physdev_irq irq;

    if (read_guest(&irq, arg))
        return -EFAULT;
    if (may(current->domain, ACTION_HARDWARE, NULL))
        return -EPERM;
    if (irq.irq >= irq_gsi_count)
        return -EINVAL;
    irq.vector = irq.irq;
    return write_guest(arg, &irq);
}

/* Of hardware guests only the hardware domain has interrupts of devices. The rest of what a PV kernel needs
 * the processor gives it. */
static bool is_offered(const struct domain *d, uint32_t cmd)
{
    if (!is_hvm_domain(d))
        return true;
    return d->hardware && cmd != PHYSDEVOP_set_iopl && cmd != PHYSDEVOP_set_iobitmap &&
           cmd != PHYSDEVOP_pirq_eoi_gmfn_v1 && cmd != PHYSDEVOP_pirq_eoi_gmfn_v2;
}

/* arg: PHYSDEVOP_*, its structure. */
int64_t do_physdev_op(uint64_t arg[6])
{
    gva_t op = gva(arg[1]);

    if (!is_offered(current->domain, (uint32_t)arg[0]))
        return -ENOSYS;
    switch ((uint32_t)arg[0]) {
    case PHYSDEVOP_eoi:
        return physdev_eoi(op);
    case PHYSDEVOP_pirq_eoi_gmfn_v1:
    case PHYSDEVOP_pirq_eoi_gmfn_v2:
        return physdev_pirq_eoi_gmfn(op, (uint32_t)arg[0] == PHYSDEVOP_pirq_eoi_gmfn_v1);
    case PHYSDEVOP_irq_status_query:
        return physdev_irq_status_query(op);
    case PHYSDEVOP_map_pirq:
        return physdev_map_pirq(op);
    case PHYSDEVOP_unmap_pirq:
        return physdev_unmap_pirq(op);
    case PHYSDEVOP_get_free_pirq:
        return physdev_get_free_pirq(op);
    case PHYSDEVOP_setup_gsi:
        return physdev_setup_gsi(op);
    case PHYSDEVOP_set_iopl:
        return physdev_set_iopl(op);
    case PHYSDEVOP_set_iobitmap:
        return physdev_set_iobitmap(op);
    case PHYSDEVOP_apic_read:
    case PHYSDEVOP_apic_write:
        return physdev_apic(op, (uint32_t)arg[0] == PHYSDEVOP_apic_write);
    case PHYSDEVOP_alloc_irq_vector:
        return physdev_alloc_irq_vector(op);
    default:
        return physdev_pci_op((uint32_t)arg[0], op);
    }
}

/* The form before Xen 3.2: command and structure in one. arg: struct physdev_op. */
int64_t do_physdev_op_compat(uint64_t arg[6])
{
    gva_t op = gva(arg[0]);
    uint32_t cmd;
    uint64_t args[6];

    if (read_guest(&cmd, op))
        return -EFAULT;
    args[0] = cmd;
    args[1] = gva_add(op, offsetof(struct physdev_op, u)).va;
    switch (cmd) {
    case PHYSDEVOP_IRQ_UNMASK_NOTIFY:
        for (unsigned int pirq = 0; pirq < pirq_count(current->domain); pirq++)
            pirq_eoi(current->domain, pirq);
        return 0;
    case PHYSDEVOP_irq_status_query:
    case PHYSDEVOP_set_iopl:
    case PHYSDEVOP_set_iobitmap:
    case PHYSDEVOP_apic_read:
    case PHYSDEVOP_apic_write:
    case PHYSDEVOP_alloc_irq_vector:
        return do_physdev_op(args);
    default:
        return -EINVAL;
    }
}
