/* SPDX-License-Identifier: MIT */
/*
 * mmu_pin_writable: a page that is mapped writable cannot become a page table.
 *
 * What:     PIN_L1..L4 and links of every level while one writable mapping exists.
 * Why:      the reverse order of mmu_writable_tables.
 * Method:   leave the page writable; pin it; link it from a table of the level above.
 * Expected: -EINVAL; it works after the last writable mapping is gone.
 * Xen:      the same.
 */
#include "tests/guests/framework/guest.h"

static void check_link(uint64_t *entry, uint64_t *page)
{
    CHECK_EQ(pte_write(entry, va_to_maddr(page) | PTE_RWX), -XEN_EINVAL);
    CHECK_EQ(*(volatile uint64_t *)entry, 0);
    CHECK_EQ(map_readonly(page), 0);
    CHECK_EQ(pte_write(entry, va_to_maddr(page) | PTE_RWX), 0);
    CHECK_EQ(pte_write(entry, 0), 0);
    CHECK_EQ(mmuext(MMUEXT_TLB_FLUSH_ALL, 0, 0), 0);
    CHECK_EQ(map_writable(page), 0);
}

static void test(void)
{
    uint64_t *page = page_alloc();
    struct scratch s;

    for (unsigned int level = 1; level <= 4; level++) {
        CHECK_EQ(mmuext(MMUEXT_PIN_L1_TABLE + level - 1, va_to_mfn(page), 0), -XEN_EINVAL);
        CHECK_EQ(mmuext(MMUEXT_UNPIN_TABLE, va_to_mfn(page), 0), -XEN_EINVAL);
    }
    scratch_link(&s, SCRATCH_SLOT);
    /* A second, writable mapping elsewhere counts too. */
    CHECK_EQ(pte_write(&s.l1[1], va_to_maddr(page) | PTE_RWX), 0);
    CHECK_EQ(map_readonly(page), 0);
    CHECK_EQ(mmuext(MMUEXT_PIN_L1_TABLE, va_to_mfn(page), 0), -XEN_EINVAL);
    CHECK_EQ(pte_write(&s.l1[1], 0), 0);
    CHECK_EQ(mmuext(MMUEXT_PIN_L1_TABLE, va_to_mfn(page), 0), 0);
    CHECK_EQ(table_unpin(page), 0);

    check_link(&s.l2[7], page);
    check_link(&s.l3[7], page);
    check_link(&l4_table()[SCRATCH_SLOT + 1], page);
    scratch_unlink(&s);
    page_free(page);
}

GUEST_TEST(test);
