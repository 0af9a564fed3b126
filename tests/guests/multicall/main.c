/* SPDX-License-Identifier: MIT */
/*
 * multicall: batches of hypercalls.
 *
 * What:     results of good, failing, unknown and nested entries; empty and bad batches.
 * Why:      Linux BUGs when the call itself fails and warns for each negative entry.
 * Method:   mixed batches; check every result word and that entries after a failing one ran.
 * Expected: the call returns 0, each entry has its own result; unknown ones and a nested multicall
 *           -ENOSYS or -EINVAL; arguments may be overwritten, op not; a batch that runs off mapped
 *           memory -EFAULT.
 * Xen:      a nested multicall is -EINVAL.
 */
#include "tests/guests/framework/guest.h"

static void check_mixed(void)
{
    static multicall_entry_t calls[6], inner[1];

    inner[0] = (multicall_entry_t){ .op = __HYPERVISOR_xen_version, .args = { XENVER_version, 0 } };
    calls[0] = (multicall_entry_t){ .op = __HYPERVISOR_xen_version, .args = { XENVER_version, 0 } };
    calls[1] = (multicall_entry_t){ .op = 1000 };
    calls[2] = (multicall_entry_t){ .op = __HYPERVISOR_xen_version, .args = { XENVER_capabilities, 0 } };
    calls[3] = (multicall_entry_t){ .op = __HYPERVISOR_multicall, .args = { (uint64_t)inner, 1 } };
    calls[4] = (multicall_entry_t){ .op = __HYPERVISOR_sched_op, .args = { SCHEDOP_yield, 0 } };
    calls[5] = (multicall_entry_t){ .op = __HYPERVISOR_vcpu_op, .args = { VCPUOP_is_up, 0, 0 } };
    CHECK_EQ(hc_multicall(calls, 6), 0);
    CHECK_EQ(calls[0].result, 4 << 16 | 17);
    CHECK_EQ(calls[1].result, -XEN_ENOSYS);
    CHECK_EQ(calls[2].result, -XEN_EFAULT);
    CHECK_EQ(calls[3].result, -XEN_EINVAL);
    CHECK_EQ(calls[4].result, 0);
    CHECK_EQ(calls[5].result, 1);
    CHECK_EQ(calls[2].op, __HYPERVISOR_xen_version);
}

static void check_many(void)
{
    multicall_entry_t *calls = page_alloc();
    unsigned int n = PAGE_SIZE / sizeof(*calls);

    for (unsigned int i = 0; i < n; i++)
        calls[i] = (multicall_entry_t){ .op = __HYPERVISOR_vcpu_op, .args = { VCPUOP_is_up, 0, 0 } };
    CHECK_EQ(hc_multicall(calls, n), 0);
    for (unsigned int i = 0; i < n; i++)
        CHECK_EQ(calls[i].result, 1);
    page_free(calls);
}

static void check_edge(void)
{
    uint8_t *page = page_alloc();
    multicall_entry_t *last;
    struct scratch s;

    scratch_link(&s, SCRATCH_SLOT);
    CHECK_EQ(pte_write(&s.l1[0], va_to_maddr(page) | PTE_RWX), 0);
    last = (multicall_entry_t *)scratch_va(&s, 1) - 1;
    *last = (multicall_entry_t){ .op = __HYPERVISOR_vcpu_op, .args = { VCPUOP_is_up, 0, 0 } };
    CHECK_EQ(hc_multicall(last, 1), 0);
    CHECK_EQ(last->result, 1);
    CHECK_EQ(hc_multicall(last, 2), -XEN_EFAULT);
    CHECK_EQ(pte_write(&s.l1[0], 0), 0);
    scratch_unlink(&s);
    page_free(page);
}

static void test(void)
{
    check_mixed();
    check_many();
    check_edge();
    CHECK_EQ(hc_multicall(0, 0), 0);
    CHECK_EQ(hc_multicall(0xffff800000000000, 1), -XEN_EFAULT);
}

GUEST_TEST(test);
