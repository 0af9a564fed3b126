/* SPDX-License-Identifier: MIT */
/* sysctl: what a control domain asks of the machine as a whole. */
#include "hypercalls/ctl.h"
#include "hv/io/console.h"
#include "hv/io/debug_keys.h"
#include "hv/sched/sched.h"

/* Bytes of the console ring that are carried at a time. */
#define CONSOLE_CHUNK 512U

static int sysctl_readconsole(struct xen_sysctl_readconsole *op)
{
    uint32_t index = console_ring_start(), done = 0;
    char buf[CONSOLE_CHUNK];

    /* Positions wrap: later means less than half the number space ahead. */
    if (op->incremental && (int32_t)(op->index - index) > 0)
        index = op->index;
    while (done < op->count) {
        uint32_t n = console_ring_read(&index, buf, min(op->count - done, CONSOLE_CHUNK));

        if (!n)
            break;
        if (copy_to_guest(gva_add(gva_of_handle(op->buffer), done), buf, n))
            return -EFAULT;
        done += n;
    }
    if (op->clear)
        console_ring_clear(index);
    op->index = index;
    op->count = done;
    return 0;
}

static int sysctl_debug_keys(const struct xen_sysctl_debug_keys *op)
{
    for (uint32_t i = 0; i < op->nr_keys; i++) {
        char key;

        if (copy_from_guest(&key, gva_add(gva_of_handle(op->keys), i), 1))
            return -EFAULT;
        debug_key_press(key);
    }
    return 0;
}

static int sysctl_getdomaininfolist(struct xen_sysctl_getdomaininfolist *op)
{
    struct domain *d = domain_from_id(op->first_domain);
    uint32_t n = 0;
    int rc = 0;

    while (d && n < op->max_domains && !rc) {
        struct xen_domctl_getdomaininfo info;
        uint32_t next = d->id + 1U;

        domctl_fill_info(d, &info);
        domain_put(d);
        rc = write_guest_elem(gva_of_handle(op->buffer), n, &info);
        d = domain_from_id(next);
        n++;
    }
    if (d)
        domain_put(d);
    op->num_domains = n;
    return rc;
}

static int sysctl_getcpuinfo(struct xen_sysctl_getcpuinfo *op)
{
    uint32_t cpus = bit_highest(cpu_online_map.bits) + 1, n;

    for (n = 0; n < min(op->max_cpus, cpus); n++) {
        struct xen_sysctl_cpuinfo info = { .idletime = cpu_idle_ns(n) };

        if (write_guest_elem(gva_of_handle(op->info), n, &info))
            return -EFAULT;
    }
    op->nr_cpus = n;
    return 0;
}

/* One zone: memory of any address width is counted as a whole. */
static int sysctl_availheap(struct xen_sysctl_availheap *op)
{
    op->avail_bytes = op->node > 0 ? 0 : frames_free() << PAGE_SHIFT;
    return 0;
}

/* The scheduler's parameters are fixed: a preemption is limited to once in a millisecond, as credit2 says it.
 */
static int sysctl_scheduler_op(struct xen_sysctl_scheduler_op *op)
{
    if (op->cpupool_id != CTL_POOL)
        return -ESRCH;
    if (op->sched_id != CTL_SCHEDULER)
        return -EINVAL;
    if (op->cmd != XEN_SYSCTL_SCHEDOP_getinfo)
        return -EOPNOTSUPP;
    op->u.sched_credit2.ratelimit_us = 1000;
    return 0;
}

static int run(struct xen_sysctl *op, bool *answer)
{
    *answer = true;
    switch (op->cmd) {
    case XEN_SYSCTL_readconsole:
        return sysctl_readconsole(&op->u.readconsole);
    case XEN_SYSCTL_sched_id:
        op->u.sched_id.sched_id = CTL_SCHEDULER;
        return 0;
    case XEN_SYSCTL_getdomaininfolist:
        return sysctl_getdomaininfolist(&op->u.getdomaininfolist);
    case XEN_SYSCTL_debug_keys:
        *answer = false;
        return sysctl_debug_keys(&op->u.debug_keys);
    case XEN_SYSCTL_getcpuinfo:
        return sysctl_getcpuinfo(&op->u.getcpuinfo);
    case XEN_SYSCTL_availheap:
        return sysctl_availheap(&op->u.availheap);
    case XEN_SYSCTL_cpupool_op:
        return sysctl_cpupool_op(&op->u.cpupool_op, answer);
    case XEN_SYSCTL_scheduler_op:
        return sysctl_scheduler_op(&op->u.scheduler_op);
    case XEN_SYSCTL_physinfo:
    case XEN_SYSCTL_cputopoinfo:
    case XEN_SYSCTL_numainfo:
        return sysctl_topology_op(op, answer);
    case XEN_SYSCTL_get_cpu_levelling_caps:
    case XEN_SYSCTL_get_cpu_featureset:
    case XEN_SYSCTL_get_cpu_policy:
        return sysctl_cpu_policy_op(op, answer);
    case XEN_SYSCTL_coverage_op:
    case XEN_SYSCTL_livepatch_op:
    case XEN_SYSCTL_get_pmstat:
    case XEN_SYSCTL_pm_op:
        *answer = false;
        return -EOPNOTSUPP;
    default:
        *answer = false;
        return -ENOSYS;
    }
}

/* arg: struct xen_sysctl. 0 or -errno: -EFAULT, -EACCES (interface version), -ENOSYS, or the operation's. */
int64_t do_sysctl(uint64_t arg[6])
{
    struct xen_sysctl op;
    bool answer;
    int rc;

    if (read_guest(&op, gva(arg[0])))
        return -EFAULT;
    if (op.interface_version != XEN_SYSCTL_INTERFACE_VERSION)
        return -EACCES;
    rc = run(&op, &answer);
    if ((!rc || rc == -ENOBUFS) && answer && write_guest(gva(arg[0]), &op))
        return -EFAULT;
    return rc;
}
