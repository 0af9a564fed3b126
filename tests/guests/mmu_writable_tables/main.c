/* SPDX-License-Identifier: MIT */
/*
 * mmu_writable_tables: no page-table page is ever mapped writable.
 *
 * What:     writable mappings of pinned L1..L4 tables, attempted by update_va_mapping, mmu_update and a
 *           table being pinned.
 * Why:      rule 1 of PV memory: a guest that can write a page table owns the machine.
 * Method:   pin an empty page at each level; attempt; check that a read-only mapping is fine, that
 *           nothing changed after a refusal, and that the page becomes writable again once unpinned.
 * Expected: -EBUSY for each attempt; 0 for read-only.
 * Xen:      the same; pinning a table whose entry would map a table writable is -EBUSY too.
 */
#include "tests/guests/framework/guest.h"

static void check_level(unsigned int level, struct scratch *s)
{
    uint64_t *table = page_alloc(), *holder = page_alloc();
    mmu_update_t req = { .ptr = va_to_maddr(&s->l1[3]), .val = va_to_maddr(table) | PTE_RWX };
    unsigned int done = 7;

    CHECK_EQ(table_pin(table, level), 0);
    CHECK_EQ(map_writable(table), -XEN_EBUSY);
    CHECK_EQ(pte_read(table) & PTE_RW, 0);
    CHECK_EQ(hc_mmu_update(&req, 1, &done, DOMID_SELF), -XEN_EBUSY);
    CHECK_EQ(done, 0);
    CHECK_EQ(s->l1[3], 0);
    CHECK_EQ(pte_write(&s->l1[3], va_to_maddr(table) | PTE_RO), 0);
    CHECK_EQ(pte_write(&s->l1[3], va_to_maddr(table) | PTE_RWX), -XEN_EBUSY);
    CHECK_EQ(s->l1[3] & (PTE_P | PTE_RW), PTE_P);
    CHECK_EQ(pte_write(&s->l1[3], 0), 0);

    holder[5] = va_to_maddr(table) | PTE_RWX;
    CHECK_EQ(table_pin(holder, 1), -XEN_EBUSY);
    CHECK_EQ(map_writable(holder), 0);
    holder[5] = va_to_maddr(table) | PTE_RO;
    CHECK_EQ(table_pin(holder, 1), 0);
    CHECK_EQ(table_unpin(holder), 0);

    CHECK_EQ(table_unpin(table), 0);
    CHECK_EQ(pte_read(table) & PTE_RW, PTE_RW);
    page_free(table);
    page_free(holder);
}

static void test(void)
{
    struct scratch s;

    scratch_link(&s, SCRATCH_SLOT);
    for (unsigned int level = 1; level <= 4; level++)
        check_level(level, &s);
    scratch_unlink(&s);
}

GUEST_TEST(test);
