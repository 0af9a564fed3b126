/* SPDX-License-Identifier: MIT */
/*
 * mmu_hv_slots: the hypervisor's L4 slots 256..271.
 *
 * What:     updates of these slots in the running L4 and in a pinned one, stale contents at pin time,
 *           and mappings there.
 * Why:      they hold the hypervisor's own tables and the machine-to-phys table.
 * Method:   mmu_update each slot with 0 and with a good table; pin an L4 that has garbage there;
 *           update_va_mapping inside.
 * Expected: -EINVAL for updates; garbage is ignored at pin time and replaced; neighbours 255 and 272 are
 *           the guest's.
 * Xen:      the same.
 */
#include "tests/guests/framework/guest.h"

static void check_updates(uint64_t *l4, uint64_t entry)
{
    for (unsigned int slot = 256; slot < 272; slot++) {
        if (pte_write(&l4[slot], 0) != -XEN_EINVAL)
            test_failure("slot %u may be cleared", slot);
        if (pte_write(&l4[slot], entry) != -XEN_EINVAL)
            test_failure("slot %u may be set", slot);
    }
    CHECK_EQ(pte_write(&l4[255], entry), 0);
    CHECK_EQ(pte_write(&l4[255], 0), 0);
    CHECK_EQ(pte_write(&l4[272], entry), 0);
    CHECK_EQ(pte_write(&l4[272], 0), 0);
}

static void test(void)
{
    uint64_t *l4 = page_alloc(), *l3 = page_alloc();
    uint64_t entry = va_to_maddr(l3) | PTE_RWX;

    CHECK_EQ(table_pin(l3, 3), 0);
    check_updates(l4_table(), entry);
    for (unsigned int slot = 256; slot < 272; slot++)
        l4[slot] = 0xdeadbeefdeadbeef;
    CHECK_EQ(table_pin(l4, 4), 0);
    check_updates(l4, entry);
    for (unsigned int slot = 256; slot < 272; slot++)
        CHECK(l4[slot] != 0xdeadbeefdeadbeef);
    CHECK_EQ(hc_update_va(0xffff800000000000, va_to_maddr(l4) | PTE_RO, 0), -XEN_EINVAL);
    CHECK_EQ(hc_update_va(0xffff830000000000, va_to_maddr(l4) | PTE_RO, 0), -XEN_EINVAL);
    CHECK_EQ(table_unpin(l4), 0);
    CHECK_EQ(table_unpin(l3), 0);
    page_free(l4);
    page_free(l3);
}

GUEST_TEST(test);
