/* SPDX-License-Identifier: MIT */
/*
 * memory_maps: the informational memory_ops.
 *
 * What:     memory_map, machine_memory_map, maximum_ram_page, maximum_gpfn, machphys_mapping,
 *           machphys_mfn_list, get_sharing_*.
 * Why:      Linux as initial domain dies without machine_memory_map; a PV domain without a map expects
 *           -ENOSYS. Linux looks every frame up in the machine-to-physical table up to what machphys_mapping
 * says. Method:   call with large, small and bad buffers. Expected: machine_memory_map gives sane e820
 * entries to the initial domain and -EPERM to others; memory_map works or is -ENOSYS; a buffer that is too
 * small is -EINVAL; bad pointers -EFAULT; machphys_mapping tells the initial domain where the machine's RAM
 * ends; maximum_gpfn is what the guest wrote into shared_info.arch.max_pfn, less one. A hardware guest has a
 * map of its own, is told nothing of the machine (-ENOSYS), and maximum_gpfn is the highest frame that there
 * is. Xen:      the same.
 */
#include "tests/guests/framework/guest.h"
#include "guest_arch.h"

struct e820 {
    uint64_t addr, size;
    uint32_t type;
} __attribute__((packed));

static struct e820 entries[128];

static void check_machine_map(void)
{
    struct xen_memory_map map = { .nr_entries = 128 };
    uint64_t ram = 0;
    long ret;

    set_xen_guest_handle_raw(map.buffer, (void *)entries);
    ret = hc_memory_op(XENMEM_machine_memory_map, &map);
    if (ARCH_TRANSLATED || !is_initial_domain()) {
        CHECK_EQ(ret, ARCH_TRANSLATED ? -XEN_ENOSYS : -XEN_EPERM);
        return;
    }
    CHECK_EQ(ret, 0);
    CHECK(map.nr_entries >= 2 && map.nr_entries < 128);
    for (unsigned int i = 0; i < map.nr_entries; i++)
        if (entries[i].type == 1)
            ram += entries[i].size;
    CHECK(ram >= start_info->nr_pages << PAGE_SHIFT);
    map.nr_entries = 1;
    CHECK_EQ(hc_memory_op(XENMEM_machine_memory_map, &map), -XEN_EINVAL);
    set_xen_guest_handle_raw(map.buffer, (void *)0xffff800000000000);
    map.nr_entries = 128;
    CHECK_EQ(hc_memory_op(XENMEM_machine_memory_map, &map), -XEN_EFAULT);
}

static void check_own_map(void)
{
    struct xen_memory_map map = { .nr_entries = 128 };
    long ret;

    set_xen_guest_handle_raw(map.buffer, (void *)entries);
    ret = hc_memory_op(XENMEM_memory_map, &map);
    CHECK(ret == 0 || (ret == -XEN_ENOSYS && !ARCH_TRANSLATED));
    if (ARCH_TRANSLATED)
        CHECK(map.nr_entries > 0 && entries[0].addr == 0 && entries[0].size > 0 && entries[0].type == 1);
}

static void check_mfn_list(void)
{
    uint64_t list[4] = { 0 };
    struct xen_machphys_mfn_list op = { .max_extents = 4 };
    long ret;

    set_xen_guest_handle(op.extent_start, list);
    ret = hc_memory_op(XENMEM_machphys_mfn_list, &op);
    CHECK(ret == 0 || ret == -XEN_EINVAL);
    if (ret == 0)
        CHECK(op.nr_extents >= 1 && list[0]);
}

static void check_machphys_mapping(void)
{
    struct xen_machphys_mapping mapping;
    uint64_t last = (uint64_t)hc_memory_op(XENMEM_maximum_ram_page, 0);

    if (ARCH_TRANSLATED) {
        CHECK_EQ(hc_memory_op(XENMEM_machphys_mapping, &mapping), -XEN_ENOSYS);
        return;
    }
    CHECK_EQ(hc_memory_op(XENMEM_machphys_mapping, &mapping), 0);
    CHECK_EQ(mapping.v_start, HYPERVISOR_VIRT_START);
    if (is_initial_domain())
        CHECK_EQ(mapping.max_mfn, last - 1);
    else
        CHECK(mapping.max_mfn >= last);
    CHECK_EQ(hc_memory_op(XENMEM_machphys_mapping, 0), -XEN_EFAULT);
}

static void check_maximum_gpfn(void)
{
    domid_t self = DOMID_SELF;

    shared_info->arch.max_pfn = start_info->nr_pages;
    if (ARCH_TRANSLATED) /* the special pages are above memory */
        CHECK(hc_memory_op(XENMEM_maximum_gpfn, &self) >= (long)start_info->nr_pages);
    else
        CHECK_EQ(hc_memory_op(XENMEM_maximum_gpfn, &self), start_info->nr_pages - 1);
    shared_info->arch.max_pfn = 0;
    CHECK(hc_memory_op(XENMEM_maximum_gpfn, 0) < 0);
}

static void test(void)
{
    check_machine_map();
    check_own_map();
    check_mfn_list();
    check_machphys_mapping();
    CHECK(hc_memory_op(XENMEM_maximum_ram_page, 0) > 0x1000);
    check_maximum_gpfn();
}

GUEST_TEST(test);
