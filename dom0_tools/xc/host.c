/* SPDX-License-Identifier: MIT */
#include "dom0_tools/xc/host.h"
#include "dom0_tools/xc/call.h"

int xc_physinfo(struct xen_sysctl_physinfo *info)
{
    struct xen_sysctl op = { 0 };
    int rc = xc_sysctl(&op, XEN_SYSCTL_physinfo);

    *info = op.u.physinfo;
    return rc;
}

int xc_scheduler(uint32_t *id)
{
    struct xen_sysctl op = { 0 };
    int rc = xc_sysctl(&op, XEN_SYSCTL_sched_id);

    *id = op.u.sched_id.sched_id;
    return rc;
}

int xc_scheduler_ratelimit(uint32_t *us)
{
    struct xen_sysctl op = { 0 };
    uint32_t id;
    int rc = xc_scheduler(&id);

    if (rc != 0)
        return rc;
    op.u.scheduler_op.sched_id = id;
    op.u.scheduler_op.cmd = XEN_SYSCTL_SCHEDOP_getinfo;
    rc = xc_sysctl(&op, XEN_SYSCTL_scheduler_op);
    *us = id == XEN_SCHEDULER_CREDIT2 ? op.u.scheduler_op.u.sched_credit2.ratelimit_us
                                      : op.u.scheduler_op.u.sched_credit.ratelimit_us;
    return rc;
}

int xc_cpu_topology(struct xen_sysctl_cputopo *topo, uint32_t *nr)
{
    struct xen_sysctl op = { 0 };
    int rc;

    op.u.cputopoinfo.num_cpus = *nr;
    set_xen_guest_handle(op.u.cputopoinfo.cputopo, topo);
    rc = xc_sysctl(&op, XEN_SYSCTL_cputopoinfo);
    *nr = op.u.cputopoinfo.num_cpus;
    return rc;
}

int xc_numa(struct xen_sysctl_meminfo *info, uint32_t *distances, uint32_t *nr)
{
    struct xen_sysctl op = { 0 };
    int rc;

    op.u.numainfo.num_nodes = *nr;
    set_xen_guest_handle(op.u.numainfo.meminfo, info);
    set_xen_guest_handle(op.u.numainfo.distance, distances);
    rc = xc_sysctl(&op, XEN_SYSCTL_numainfo);
    *nr = op.u.numainfo.num_nodes;
    return rc;
}

int xc_free_cpus(uint8_t *map, uint32_t nr_cpus)
{
    struct xen_sysctl op = { 0 };

    op.u.cpupool_op.op = XEN_SYSCTL_CPUPOOL_OP_FREEINFO;
    set_xen_guest_handle(op.u.cpupool_op.cpumap.bitmap, map);
    op.u.cpupool_op.cpumap.nr_bits = nr_cpus;
    return xc_sysctl(&op, XEN_SYSCTL_cpupool_op);
}

int xc_read_log(char *buf, uint32_t size, uint32_t *index, bool clear)
{
    struct xen_sysctl op = { 0 };
    int rc;

    op.u.readconsole.clear = clear;
    op.u.readconsole.incremental = 1;
    op.u.readconsole.index = *index;
    op.u.readconsole.count = size;
    set_xen_guest_handle(op.u.readconsole.buffer, buf);
    rc = xc_sysctl(&op, XEN_SYSCTL_readconsole);
    *index = op.u.readconsole.index;
    return rc < 0 ? rc : (int)op.u.readconsole.count;
}

int xc_debug_keys(const char *keys, size_t nr)
{
    struct xen_sysctl op = { 0 };

    set_xen_guest_handle(op.u.debug_keys.keys, keys);
    op.u.debug_keys.nr_keys = (uint32_t)nr;
    return xc_sysctl(&op, XEN_SYSCTL_debug_keys);
}
