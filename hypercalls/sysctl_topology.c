/* SPDX-License-Identifier: MIT */
/* sysctl: the machine's CPUs and memory. All CPUs are cores of one socket, all memory is one node. */
#include "hypercalls/ctl.h"
#include "hv/cpu/insn.h"
#include "hv/cpu/time.h"
#include "hv/hvm/hvm.h"

static void fill_hw_cap(uint32_t cap[8])
{
    uint32_t a, b, c, d, max_leaf, max_ext;

    cpuid_count(0, 0, &max_leaf, &b, &c, &d);
    cpuid_count(1, 0, &a, &b, &cap[1], &cap[0]);
    cpuid_count(0x80000000, 0, &max_ext, &b, &c, &d);
    if (max_ext >= 0x80000001)
        cpuid_count(0x80000001, 0, &a, &b, &cap[3], &cap[2]);
    if (max_leaf >= 0xd)
        cpuid_count(0xd, 1, &cap[4], &b, &c, &d);
    if (max_leaf >= 7)
        cpuid_count(7, 0, &a, &cap[5], &cap[6], &d);
    if (max_ext >= 0x80000007)
        cpuid_count(0x80000007, 0, &a, &b, &c, &cap[7]);
}

static int sysctl_physinfo(struct xen_sysctl_physinfo *op)
{
    uint32_t cpus = cpumask_weight(cpu_online_map);
    uint32_t hardware = hvm_ops ? XEN_SYSCTL_PHYSCAP_hvm | XEN_SYSCTL_PHYSCAP_hap : 0;

    *op = (struct xen_sysctl_physinfo){
        .threads_per_core = 1,
        .cores_per_socket = cpus,
        .nr_cpus = cpus,
        .max_cpu_id = bit_highest(cpu_online_map.bits),
        .nr_nodes = 1,
        .cpu_khz = (uint32_t)tsc_khz,
        .capabilities = XEN_SYSCTL_PHYSCAP_pv | XEN_SYSCTL_PHYSCAP_gnttab_v1 | hardware,
        .total_pages = frames_total(),
        .free_pages = frames_free(),
        .max_mfn = max_mfn - 1,
    };
    fill_hw_cap(op->hw_cap);
    return 0;
}

static int sysctl_cputopoinfo(struct xen_sysctl_cputopoinfo *op)
{
    uint32_t cpus = bit_highest(cpu_online_map.bits) + 1, room = op->num_cpus;

    op->num_cpus = cpus;
    if (!op->cputopo.p)
        return 0;
    for (uint32_t cpu = 0; cpu < min(cpus, room); cpu++) {
        struct xen_sysctl_cputopo topo = { .core = cpu };

        if (!cpumask_test(&cpu_online_map, cpu))
            topo = (struct xen_sysctl_cputopo){ XEN_INVALID_CORE_ID, XEN_INVALID_SOCKET_ID,
                                                XEN_INVALID_NODE_ID };
        if (write_guest_elem(gva_of_handle(op->cputopo), cpu, &topo))
            return -EFAULT;
    }
    return 0;
}

#define NODE_DISTANCE_SELF 10

static int sysctl_numainfo(struct xen_sysctl_numainfo *op)
{
    struct xen_sysctl_meminfo mem = { .memsize = frames_total() << PAGE_SHIFT,
                                      .memfree = frames_free() << PAGE_SHIFT };
    uint32_t room = op->num_nodes, distance = NODE_DISTANCE_SELF;

    op->num_nodes = 1;
    if (room && op->meminfo.p && write_guest(gva_of_handle(op->meminfo), &mem))
        return -EFAULT;
    if (room && op->distance.p && write_guest(gva_of_handle(op->distance), &distance))
        return -EFAULT;
    return 0;
}

int sysctl_topology_op(struct xen_sysctl *op, bool *answer)
{
    switch (op->cmd) {
    case XEN_SYSCTL_physinfo:
        return sysctl_physinfo(&op->u.physinfo);
    case XEN_SYSCTL_cputopoinfo:
        return sysctl_cputopoinfo(&op->u.cputopoinfo);
    case XEN_SYSCTL_numainfo:
        return sysctl_numainfo(&op->u.numainfo);
    default:
        *answer = false;
        return -ENOSYS;
    }
}
