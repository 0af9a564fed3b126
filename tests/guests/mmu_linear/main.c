/* SPDX-License-Identifier: MIT */
/*
 * mmu_linear: recursive (linear, self-mapping) page tables.
 *
 * What:     an L4 entry that points to its own L4, and an L3/L2 entry to its own table.
 * Why:      read-only self maps are an old PV habit; a writable one gives the machine away.
 * Method:   link own tables with and without RW.
 * Expected: with RW -EINVAL at every level. Read-only: 0, or -EINVAL from a hypervisor that does not
 *           offer it.
 * Xen:      read-only is a build and boot option (pv-linear-pt), off in many; both answers are right.
 */
#include "tests/guests/framework/guest.h"

static void check_entry(uint64_t *entry, uint64_t *own)
{
    long ret;

    CHECK_EQ(pte_write(entry, va_to_maddr(own) | PTE_RWX), -XEN_EINVAL);
    CHECK_EQ(*(volatile uint64_t *)entry, 0);
    ret = pte_write(entry, va_to_maddr(own) | PTE_RO);
    CHECK(ret == 0 || ret == -XEN_EINVAL);
    CHECK_EQ(pte_write(entry, 0), 0);
}

static void test(void)
{
    struct scratch s;

    scratch_link(&s, SCRATCH_SLOT);
    check_entry(&l4_table()[SCRATCH_SLOT + 1], l4_table());
    check_entry(&s.l3[11], s.l3);
    check_entry(&s.l2[11], s.l2);
    scratch_unlink(&s);
}

GUEST_TEST(test);
