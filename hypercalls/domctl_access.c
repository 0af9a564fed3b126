/* SPDX-License-Identifier: MIT */
/* domctl: what a domain may touch of the machine, and its clocks. */
#include "hypercalls/ctl.h"
#include "hv/cpu/time.h"
#include "hv/domain/wallclock.h"
#include "hv/io/irq.h"
#include "hv/lib/rangeset.h"

#define PORTS 0x10000U

/* Give or take [first, first + n) of a set that the caller itself has. */
static int change_access(struct rangeset **set, struct rangeset *own, uint64_t first, uint64_t n, bool allow)
{
    uint64_t last = first + n - 1;

    if (!n || last < first)
        return -EINVAL;
    if (!rangeset_contains(own, first, last))
        return -EPERM;
    if (!allow)
        return rangeset_remove(*set, first, last);
    if (!*set)
        *set = rangeset_create();
    return *set ? rangeset_add(*set, first, last) : -ENOMEM;
}

static int ioport_permission(struct domain *d, const struct xen_domctl_ioport_permission *op)
{
    if (op->first_port >= PORTS || op->nr_ports > PORTS - op->first_port)
        return -EINVAL;
    if (!op->nr_ports)
        return 0;
    return change_access(&d->ioports, current->domain->ioports, op->first_port, op->nr_ports,
                         op->allow_access);
}

static int iomem_permission(struct domain *d, const struct xen_domctl_iomem_permission *op)
{
    return change_access(&d->iomem, current->domain->iomem, op->first_mfn, op->nr_mfns, op->allow_access);
}

static int irq_permission(struct domain *d, const struct xen_domctl_irq_permission *op)
{
    if (op->pirq >= IRQ_MAX)
        return -EINVAL;
    return change_access(&d->irqs, current->domain->irqs, op->pirq, 1, op->allow_access);
}

static int settimeoffset(struct domain *d, const struct xen_domctl_settimeoffset *op)
{
    d->time_offset_seconds = op->time_offset_seconds;
    domain_update_wallclock(d);
    return 0;
}

/* The guest reads the CPU's own TSC: the default mode, and the one that says so. */
static int settscinfo(const struct domain *d, const struct xen_domctl_tsc_info *op)
{
    if (d == current->domain)
        return -EINVAL;
    return op->tsc_mode == 0 || op->tsc_mode == 2 ? 0 : -EOPNOTSUPP;
}

static int gettscinfo(const struct domain *d, struct xen_domctl_tsc_info *op)
{
    if (d == current->domain)
        return -EINVAL;
    *op = (struct xen_domctl_tsc_info){ .tsc_mode = 2, .gtsc_khz = (uint32_t)tsc_khz };
    return 0;
}

int domctl_access_op(struct domain *d, struct xen_domctl *op, bool *answer)
{
    switch (op->cmd) {
    case XEN_DOMCTL_ioport_permission:
        return ioport_permission(d, &op->u.ioport_permission);
    case XEN_DOMCTL_iomem_permission:
        return iomem_permission(d, &op->u.iomem_permission);
    case XEN_DOMCTL_irq_permission:
        return irq_permission(d, &op->u.irq_permission);
    case XEN_DOMCTL_settimeoffset:
        return settimeoffset(d, &op->u.settimeoffset);
    case XEN_DOMCTL_settscinfo:
        return settscinfo(d, &op->u.tsc_info);
    case XEN_DOMCTL_gettscinfo:
        *answer = true;
        return gettscinfo(d, &op->u.tsc_info);
    case XEN_DOMCTL_set_virq_handler:
        return evtchn_set_virq_handler(d, op->u.set_virq_handler.virq);
    default:
        return -ENOSYS;
    }
}
