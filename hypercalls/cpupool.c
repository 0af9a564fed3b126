/* SPDX-License-Identifier: MIT */
/* sysctl cpupool_op: there is one pool, with all CPUs and all domains. */
#include "hypercalls/ctl.h"

static uint32_t count_domains(void)
{
    struct domain *d;
    uint32_t n = 0;

    spin_lock(&domlist_lock);
    for_each_domain (d)
        n++;
    spin_unlock(&domlist_lock);
    return n;
}

/* The pool with that id, or the first one after it. */
static int cpupool_info(struct xen_sysctl_cpupool_op *op)
{
    if (op->cpupool_id > CTL_POOL)
        return -ENOENT;
    op->cpupool_id = CTL_POOL;
    op->sched_id = CTL_SCHEDULER;
    op->n_dom = count_domains();
    return ctl_bitmap_write(&op->cpumap, cpu_online_map);
}

static int cpupool_move_domain(const struct xen_sysctl_cpupool_op *op)
{
    struct domain *d = op->domid ? domain_by_id((domid_t)op->domid) : NULL;

    if (!d)
        return -EINVAL; /* no such domain, or dom0, which stays in pool 0 */
    domain_put(d);
    return op->cpupool_id == CTL_POOL ? 0 : -ENOENT;
}

int sysctl_cpupool_op(struct xen_sysctl_cpupool_op *op, bool *answer)
{
    *answer = op->op == XEN_SYSCTL_CPUPOOL_OP_INFO || op->op == XEN_SYSCTL_CPUPOOL_OP_FREEINFO;
    switch (op->op) {
    case XEN_SYSCTL_CPUPOOL_OP_INFO:
        return cpupool_info(op);
    case XEN_SYSCTL_CPUPOOL_OP_FREEINFO:
        return ctl_bitmap_write(&op->cpumap, (cpumask_t){ 0 });
    case XEN_SYSCTL_CPUPOOL_OP_MOVEDOMAIN:
        return cpupool_move_domain(op);
    case XEN_SYSCTL_CPUPOOL_OP_CREATE:
        return -EOPNOTSUPP;
    case XEN_SYSCTL_CPUPOOL_OP_DESTROY:
    case XEN_SYSCTL_CPUPOOL_OP_RMCPU:
        return op->cpupool_id == CTL_POOL ? -EBUSY : -ENOENT;
    case XEN_SYSCTL_CPUPOOL_OP_ADDCPU:
        return op->cpupool_id == CTL_POOL ? -ENODEV : -ENOENT; /* no CPU is free to be added */
    default:
        return -ENOSYS;
    }
}
