/* SPDX-License-Identifier: MIT */
#include "dom0_tools/xl/control.h"
#include "pvguest/hypercall.h"

#include <string.h>

static int sysctl(struct xen_sysctl *op, uint32_t cmd)
{
    op->cmd = cmd;
    op->interface_version = XEN_SYSCTL_INTERFACE_VERSION;
    return (int)hypercall_sysctl(op);
}

static int domctl(struct xen_domctl *op, uint32_t cmd, domid_t domid)
{
    op->cmd = cmd;
    op->interface_version = XEN_DOMCTL_INTERFACE_VERSION;
    op->domain = domid;
    return (int)hypercall_domctl(op);
}

int control_physinfo(struct xen_sysctl_physinfo *info)
{
    struct xen_sysctl op = { 0 };
    int rc = sysctl(&op, XEN_SYSCTL_physinfo);

    *info = op.u.physinfo;
    return rc;
}

int control_scheduler(uint32_t *id)
{
    struct xen_sysctl op = { 0 };
    int rc = sysctl(&op, XEN_SYSCTL_sched_id);

    *id = op.u.sched_id.sched_id;
    return rc;
}

int control_domains(domid_t first, struct xen_domctl_getdomaininfo *info, uint32_t max)
{
    struct xen_sysctl op = { 0 };
    int rc;

    op.u.getdomaininfolist.first_domain = first;
    op.u.getdomaininfolist.max_domains = max;
    set_xen_guest_handle(op.u.getdomaininfolist.buffer, info);
    rc = sysctl(&op, XEN_SYSCTL_getdomaininfolist);
    return rc < 0 ? rc : (int)op.u.getdomaininfolist.num_domains;
}

int control_pause(domid_t domid)
{
    struct xen_domctl op = { 0 };

    return domctl(&op, XEN_DOMCTL_pausedomain, domid);
}

int control_unpause(domid_t domid)
{
    struct xen_domctl op = { 0 };

    return domctl(&op, XEN_DOMCTL_unpausedomain, domid);
}

int control_destroy(domid_t domid)
{
    struct xen_domctl op = { 0 };

    return domctl(&op, XEN_DOMCTL_destroydomain, domid);
}

int control_set_uuid(domid_t domid, const xen_domain_handle_t uuid)
{
    struct xen_domctl op = { 0 };

    memcpy(op.u.setdomainhandle.handle, uuid, sizeof(op.u.setdomainhandle.handle));
    return domctl(&op, XEN_DOMCTL_setdomainhandle, domid);
}

int control_vcpu(domid_t domid, uint32_t vcpu, struct xen_domctl_getvcpuinfo *info)
{
    struct xen_domctl op = { 0 };
    int rc;

    op.u.getvcpuinfo.vcpu = vcpu;
    rc = domctl(&op, XEN_DOMCTL_getvcpuinfo, domid);
    *info = op.u.getvcpuinfo;
    return rc;
}

int control_vcpu_affinity(domid_t domid, uint32_t vcpu, uint8_t *hard, uint8_t *soft, uint32_t nr_cpus)
{
    struct xen_domctl op = { 0 };

    op.u.vcpuaffinity.vcpu = vcpu;
    op.u.vcpuaffinity.flags = XEN_VCPUAFFINITY_HARD | XEN_VCPUAFFINITY_SOFT;
    set_xen_guest_handle(op.u.vcpuaffinity.cpumap_hard.bitmap, hard);
    op.u.vcpuaffinity.cpumap_hard.nr_bits = nr_cpus;
    set_xen_guest_handle(op.u.vcpuaffinity.cpumap_soft.bitmap, soft);
    op.u.vcpuaffinity.cpumap_soft.nr_bits = nr_cpus;
    return domctl(&op, XEN_DOMCTL_getvcpuaffinity, domid);
}

int control_cpu_topology(struct xen_sysctl_cputopo *topo, uint32_t *nr)
{
    struct xen_sysctl op = { 0 };
    int rc;

    op.u.cputopoinfo.num_cpus = *nr;
    set_xen_guest_handle(op.u.cputopoinfo.cputopo, topo);
    rc = sysctl(&op, XEN_SYSCTL_cputopoinfo);
    *nr = op.u.cputopoinfo.num_cpus;
    return rc;
}

int control_numa(struct xen_sysctl_meminfo *info, uint32_t *distances, uint32_t *nr)
{
    struct xen_sysctl op = { 0 };
    int rc;

    op.u.numainfo.num_nodes = *nr;
    set_xen_guest_handle(op.u.numainfo.meminfo, info);
    set_xen_guest_handle(op.u.numainfo.distance, distances);
    rc = sysctl(&op, XEN_SYSCTL_numainfo);
    *nr = op.u.numainfo.num_nodes;
    return rc;
}

int control_free_cpus(uint8_t *map, uint32_t nr_cpus)
{
    struct xen_sysctl op = { 0 };

    op.u.cpupool_op.op = XEN_SYSCTL_CPUPOOL_OP_FREEINFO;
    set_xen_guest_handle(op.u.cpupool_op.cpumap.bitmap, map);
    op.u.cpupool_op.cpumap.nr_bits = nr_cpus;
    return sysctl(&op, XEN_SYSCTL_cpupool_op);
}

int control_read_log(char *buf, uint32_t size, uint32_t *index, bool clear)
{
    struct xen_sysctl op = { 0 };
    int rc;

    op.u.readconsole.clear = clear;
    op.u.readconsole.incremental = 1;
    op.u.readconsole.index = *index;
    op.u.readconsole.count = size;
    set_xen_guest_handle(op.u.readconsole.buffer, buf);
    rc = sysctl(&op, XEN_SYSCTL_readconsole);
    *index = op.u.readconsole.index;
    return rc < 0 ? rc : (int)op.u.readconsole.count;
}

int control_debug_keys(const char *keys, size_t nr)
{
    struct xen_sysctl op = { 0 };

    set_xen_guest_handle(op.u.debug_keys.keys, keys);
    op.u.debug_keys.nr_keys = (uint32_t)nr;
    return sysctl(&op, XEN_SYSCTL_debug_keys);
}
