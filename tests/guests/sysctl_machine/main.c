/* SPDX-License-Identifier: MIT */
/*
 * sysctl_machine: what tools read of the machine.
 *
 * What:     physinfo, cputopoinfo, numainfo, sched_id, cpupool_op, getcpuinfo, availheap, getdomaininfolist,
 * readconsole, get_cpu_featureset, get_cpu_policy.
 * Why:      `xl info`, `xl list`, `xl dmesg`, and libxl's look at CPUs and pools before it creates a domain.
 * Method:   call each with room, without room and without a buffer; compare the answers with each other.
 * Expected: counts agree; a NULL buffer asks for the size; short buffers are filled in part; pool 0 holds all
 * CPUs and this domain; what was just printed is in the console ring. Xen: the same.
 */
#include "tests/guests/framework/guest.h"
#include <xen/domctl.h>
#include <xen/sysctl.h>

static struct xen_sysctl op;

static long sysctl(uint32_t cmd)
{
    op.cmd = cmd;
    op.interface_version = XEN_SYSCTL_INTERFACE_VERSION;
    return hypercall1(__HYPERVISOR_sysctl, &op);
}

static uint32_t check_physinfo(void)
{
    const struct xen_sysctl_physinfo *p = &op.u.physinfo;

    CHECK_EQ(sysctl(XEN_SYSCTL_physinfo), 0);
    CHECK(p->nr_cpus >= 1 && p->nr_cpus <= p->max_cpu_id + 1);
    CHECK(p->threads_per_core * p->cores_per_socket >= 1);
    CHECK_EQ(p->nr_nodes, 1);
    CHECK(p->free_pages < p->total_pages);
    CHECK(p->total_pages <= p->max_mfn + 1);
    CHECK(p->cpu_khz > 1000);
    CHECK(p->capabilities & XEN_SYSCTL_PHYSCAP_pv);
    return p->nr_cpus;
}

static void check_topology(uint32_t cpus)
{
    static struct xen_sysctl_cputopo topo[64];
    static struct xen_sysctl_meminfo mem;
    uint32_t distance = 0;

    op.u.cputopoinfo = (struct xen_sysctl_cputopoinfo){ 0 };
    CHECK_EQ(sysctl(XEN_SYSCTL_cputopoinfo), 0);
    CHECK(op.u.cputopoinfo.num_cpus >= cpus);
    topo[1].node = 12345;
    op.u.cputopoinfo.num_cpus = 1;
    set_xen_guest_handle(op.u.cputopoinfo.cputopo, topo);
    CHECK_EQ(sysctl(XEN_SYSCTL_cputopoinfo), 0);
    CHECK_EQ(topo[0].node, 0);
    CHECK_EQ(topo[1].node, 12345);

    op.u.numainfo = (struct xen_sysctl_numainfo){ .num_nodes = 1 };
    set_xen_guest_handle(op.u.numainfo.meminfo, &mem);
    set_xen_guest_handle(op.u.numainfo.distance, &distance);
    CHECK_EQ(sysctl(XEN_SYSCTL_numainfo), 0);
    CHECK_EQ(distance, 10);
    CHECK(mem.memfree < mem.memsize);
}

static uint32_t count_bits(uint64_t map)
{
    uint32_t n = 0;

    for (; map; map &= map - 1)
        n++;
    return n;
}

static void check_pool(uint32_t cpus)
{
    uint64_t map = 0;

    CHECK_EQ(sysctl(XEN_SYSCTL_sched_id), 0);
    op.u.cpupool_op =
        (struct xen_sysctl_cpupool_op){ .op = XEN_SYSCTL_CPUPOOL_OP_INFO, .cpumap.nr_bits = 64 };
    set_xen_guest_handle(op.u.cpupool_op.cpumap.bitmap, (uint8_t *)&map);
    CHECK_EQ(sysctl(XEN_SYSCTL_cpupool_op), 0);
    CHECK_EQ(op.u.cpupool_op.cpupool_id, 0);
    CHECK_EQ(op.u.cpupool_op.n_dom, 1);
    CHECK_EQ(count_bits(map), cpus);
    op.u.cpupool_op.cpupool_id = 1;
    CHECK_EQ(sysctl(XEN_SYSCTL_cpupool_op), -XEN_ENOENT);
    op.u.cpupool_op.op = XEN_SYSCTL_CPUPOOL_OP_FREEINFO;
    CHECK_EQ(sysctl(XEN_SYSCTL_cpupool_op), 0);
    CHECK_EQ(map, 0);
    op.u.cpupool_op.op = 99;
    CHECK_EQ(sysctl(XEN_SYSCTL_cpupool_op), -XEN_ENOSYS);
}

static void check_domains(void)
{
    static struct xen_domctl_getdomaininfo info[4];
    uint64_t free;

    op.u.getdomaininfolist = (struct xen_sysctl_getdomaininfolist){ .max_domains = 4 };
    set_xen_guest_handle(op.u.getdomaininfolist.buffer, info);
    CHECK_EQ(sysctl(XEN_SYSCTL_getdomaininfolist), 0);
    CHECK_EQ(op.u.getdomaininfolist.num_domains, 1);
    CHECK_EQ(info[0].domain, own_domid());
    CHECK(info[0].flags & XEN_DOMINF_running);
    CHECK(!(info[0].flags & (XEN_DOMINF_paused | XEN_DOMINF_shutdown | XEN_DOMINF_dying)));
    CHECK(info[0].cpu_time > 0);
    CHECK(info[0].tot_pages >= start_info->nr_pages);
    op.u.getdomaininfolist.first_domain = 1;
    CHECK_EQ(sysctl(XEN_SYSCTL_getdomaininfolist), 0);
    CHECK_EQ(op.u.getdomaininfolist.num_domains, 0);

    op.u.availheap = (struct xen_sysctl_availheap){ .node = -1 };
    CHECK_EQ(sysctl(XEN_SYSCTL_availheap), 0);
    free = op.u.availheap.avail_bytes;
    CHECK(free > 0 && free % PAGE_SIZE == 0);
}

static void check_cpus(uint32_t cpus)
{
    static struct xen_sysctl_cpuinfo info[64];
    static uint32_t features[64];

    op.u.getcpuinfo = (struct xen_sysctl_getcpuinfo){ .max_cpus = 64 };
    set_xen_guest_handle(op.u.getcpuinfo.info, info);
    CHECK_EQ(sysctl(XEN_SYSCTL_getcpuinfo), 0);
    CHECK(op.u.getcpuinfo.nr_cpus >= cpus);

    op.u.cpu_featureset = (struct xen_sysctl_cpu_featureset){ .index = XEN_SYSCTL_cpu_featureset_pv };
    CHECK_EQ(sysctl(XEN_SYSCTL_get_cpu_featureset), 0);
    CHECK(op.u.cpu_featureset.nr_features >= 10 && op.u.cpu_featureset.nr_features <= 64);
    set_xen_guest_handle(op.u.cpu_featureset.features, features);
    CHECK_EQ(sysctl(XEN_SYSCTL_get_cpu_featureset), 0);
    CHECK(features[0] & 1); /* an FPU */
    op.u.cpu_featureset.nr_features = 1;
    CHECK_EQ(sysctl(XEN_SYSCTL_get_cpu_featureset), -XEN_ENOBUFS);
    op.u.cpu_featureset.index = 99;
    CHECK_EQ(sysctl(XEN_SYSCTL_get_cpu_featureset), -XEN_EINVAL);
}

static void check_policy(void)
{
    static xen_cpuid_leaf_t leaves[128];
    static xen_msr_entry_t msrs[16];

    op.u.cpu_policy = (struct xen_sysctl_cpu_policy){ .index = XEN_SYSCTL_cpu_policy_pv_default };
    CHECK_EQ(sysctl(XEN_SYSCTL_get_cpu_policy), 0);
    CHECK(op.u.cpu_policy.nr_leaves > 4 && op.u.cpu_policy.nr_leaves <= 128);
    op.u.cpu_policy.nr_msrs = 16;
    set_xen_guest_handle(op.u.cpu_policy.leaves, leaves);
    set_xen_guest_handle(op.u.cpu_policy.msrs, msrs);
    CHECK_EQ(sysctl(XEN_SYSCTL_get_cpu_policy), 0);
    CHECK_EQ(leaves[0].leaf, 0);
    CHECK_EQ(leaves[0].subleaf, XEN_CPUID_NO_SUBLEAF);
    op.u.cpu_policy.nr_leaves = 1;
    CHECK_EQ(sysctl(XEN_SYSCTL_get_cpu_policy), -XEN_ENOBUFS);
    op.u.cpu_policy.index = 99;
    CHECK_EQ(sysctl(XEN_SYSCTL_get_cpu_policy), -XEN_EINVAL);
}

static void check_console(void)
{
    static char buf[65536];

    op.u.readconsole = (struct xen_sysctl_readconsole){ .count = sizeof(buf) };
    set_xen_guest_handle(op.u.readconsole.buffer, buf);
    CHECK_EQ(sysctl(XEN_SYSCTL_readconsole), 0);
    CHECK(op.u.readconsole.count > 100 && op.u.readconsole.count < sizeof(buf));
    op.u.readconsole.incremental = 1;
    op.u.readconsole.count = sizeof(buf);
    CHECK_EQ(sysctl(XEN_SYSCTL_readconsole), 0);
    CHECK(op.u.readconsole.count < 100); /* nothing, but for what the hypervisor logged meanwhile */
    op.u.readconsole.incremental = 0;
    op.u.readconsole.count = 16;
    CHECK_EQ(sysctl(XEN_SYSCTL_readconsole), 0);
    CHECK_EQ(op.u.readconsole.count, 16);
    op.u.readconsole.count = 16;
    set_xen_guest_handle(op.u.readconsole.buffer, (char *)0x10);
    CHECK_EQ(sysctl(XEN_SYSCTL_readconsole), -XEN_EFAULT);
}

static void test(void)
{
    uint32_t cpus;

    if (!is_initial_domain()) {
        test_skip("only the initial domain may");
        return;
    }
    cpus = check_physinfo();
    check_topology(cpus);
    check_pool(cpus);
    check_domains();
    check_cpus(cpus);
    check_policy();
    check_console();
}

GUEST_TEST(test);
