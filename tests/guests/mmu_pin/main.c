/* SPDX-License-Identifier: MIT */
/*
 * mmu_pin: pinning and unpinning, and what a refused pin leaves behind.
 *
 * What:     pin twice, unpin twice, unpin of never pinned, pin with invalid contents at every level, bad
 *           foreigndom.
 * Why:      the pin count is one; a half-validated table must be undone completely.
 * Method:   as said; after each refusal the page must be mappable writable at once.
 * Expected: -EINVAL for each, -ESRCH for a domain that does not exist.
 * Xen:      the same.
 */
#include "tests/guests/framework/guest.h"

static void check_twice(unsigned int level)
{
    void *page = page_alloc();

    CHECK_EQ(mmuext(MMUEXT_UNPIN_TABLE, va_to_mfn(page), 0), -XEN_EINVAL);
    CHECK_EQ(table_pin(page, level), 0);
    CHECK_EQ(mmuext(MMUEXT_PIN_L1_TABLE + level - 1, va_to_mfn(page), 0), -XEN_EINVAL);
    CHECK_EQ(mmuext(MMUEXT_UNPIN_TABLE, va_to_mfn(page), 0), 0);
    CHECK_EQ(mmuext(MMUEXT_UNPIN_TABLE, va_to_mfn(page), 0), -XEN_EINVAL);
    CHECK_EQ(map_writable(page), 0);
    page_free(page);
}

/* A good entry at index 0 and a bad one at the end: all references to the good one must be dropped again. */
static void check_invalid(unsigned int level)
{
    uint64_t *table = page_alloc(), *below = page_alloc();

    if (level > 1)
        CHECK_EQ(table_pin(below, level - 1), 0);
    table[0] = va_to_maddr(below) | (level > 1 ? PTE_RWX : PTE_RO);
    table[511] = (0xfee00ul << PAGE_SHIFT) | PTE_RO;
    CHECK_EQ(table_pin(table, level), -XEN_EINVAL);
    CHECK_EQ(map_writable(table), 0);
    if (level > 1)
        CHECK_EQ(table_unpin(below), 0);
    CHECK_EQ(map_writable(below), 0);
    page_free(table);
    page_free(below);
}

static void test(void)
{
    struct mmuext_op op = { .cmd = MMUEXT_PIN_L1_TABLE };
    void *page = page_alloc();

    for (unsigned int level = 1; level <= 4; level++)
        check_twice(level);
    check_invalid(2);
    check_invalid(3);
    check_invalid(4);
    CHECK_EQ(mmuext(MMUEXT_PIN_L1_TABLE, INVALID_MFN_NUM, 0), -XEN_EINVAL);
    CHECK_EQ(mmuext(MMUEXT_PIN_L4_TABLE, 1ul << 40, 0), -XEN_EINVAL);
    CHECK_EQ(mmuext(MMUEXT_UNPIN_TABLE, INVALID_MFN_NUM, 0), -XEN_EINVAL);
    op.arg1.mfn = va_to_mfn(page);
    CHECK_EQ(hc_mmuext_op(&op, 1, 0, 0x7fef), -XEN_ESRCH);
    page_free(page);
}

GUEST_TEST(test);
