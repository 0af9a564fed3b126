/* SPDX-License-Identifier: MIT */
/*
 * mmu_wrong_level: tables linked or pinned at a level that is not theirs.
 *
 * What:     every pair of (level of the table, level of the entry above it), and pins at another level
 *           than the type.
 * Why:      an L1 read as an L2 makes data pages into page tables.
 * Method:   pin empty pages at L1..L4; link each into an L2, L3 and L4 entry; pin each at every level.
 * Expected: only the level below fits; all else is -EINVAL, and the entry stays as it was.
 * Xen:      the same. An L4 linked into an L4 is the linear page table that mmu_linear looks at.
 */
#include "tests/guests/framework/guest.h"

static void test(void)
{
    uint64_t *tables[5];
    uint64_t *entries[5];
    struct scratch s;

    scratch_link(&s, SCRATCH_SLOT);
    entries[2] = &s.l2[9];
    entries[3] = &s.l3[9];
    entries[4] = &l4_table()[SCRATCH_SLOT + 1];
    for (unsigned int level = 1; level <= 4; level++) {
        tables[level] = page_alloc();
        CHECK_EQ(table_pin(tables[level], level), 0);
    }
    for (unsigned int at = 2; at <= 4; at++) {
        for (unsigned int level = 1; level <= 4; level++) {
            long ret = pte_write(entries[at], va_to_maddr(tables[level]) | PTE_RWX);

            if (level == at)
                continue;
            if (ret != (level == at - 1 ? 0 : -XEN_EINVAL))
                test_failure("L%u linked into an L%u entry: %ld", level, at, ret);
            CHECK_EQ(!!(*(volatile uint64_t *)entries[at] & PTE_P), level == at - 1);
            CHECK_EQ(pte_write(entries[at], 0), 0);
        }
    }
    for (unsigned int pin = 1; pin <= 4; pin++)
        for (unsigned int level = 1; level <= 4; level++)
            CHECK_EQ(mmuext(MMUEXT_PIN_L1_TABLE + pin - 1, va_to_mfn(tables[level]), 0), -XEN_EINVAL);
    for (unsigned int level = 1; level <= 4; level++) {
        CHECK_EQ(table_unpin(tables[level]), 0);
        page_free(tables[level]);
    }
    scratch_unlink(&s);
}

GUEST_TEST(test);
