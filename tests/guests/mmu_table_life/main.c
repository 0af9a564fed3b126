/* SPDX-License-Identifier: MIT */
/*
 * mmu_table_life: types follow references, recursively, up and down.
 *
 * What:     a tree L3 -> L2 -> L1 -> data that is pinned at the top only.
 * Why:      guests pin whole trees at once and expect every table to be free again after one unpin.
 * Method:   build writable, pin the top, check that no table can be written, unpin, check that all can;
 *           the same with the unpin done while the tree is still linked from the running L4; one L2
 *           under two L3 entries, one L1 under two L2 entries.
 * Expected: as said, with -EBUSY for writable mappings in between; data pages stay writable throughout.
 * Xen:      the same.
 */
#include "tests/guests/framework/guest.h"

static uint64_t *l1, *l2, *l3;
static char *data;

static void build(void)
{
    l1 = page_alloc();
    l2 = page_alloc();
    l3 = page_alloc();
    data = page_alloc();
    for (unsigned int i = 0; i < 512; i += 3)
        l1[i] = va_to_maddr(data) | PTE_RWX;
    l2[0] = l2[17] = l2[511] = va_to_maddr(l1) | PTE_RWX;
    l3[0] = l3[1] = l3[511] = va_to_maddr(l2) | PTE_RWX;
    CHECK_EQ(map_readonly(l1), 0);
    CHECK_EQ(map_readonly(l2), 0);
    CHECK_EQ(map_readonly(l3), 0);
}

static void check_all(long expected)
{
    CHECK_EQ(map_writable(l1), expected);
    CHECK_EQ(map_writable(l2), expected);
    CHECK_EQ(map_writable(l3), expected);
    CHECK_EQ(map_writable(data), 0);
}

static void discard(void)
{
    page_free(l1);
    page_free(l2);
    page_free(l3);
    page_free(data);
}

static void test(void)
{
    uint64_t *slot = &l4_table()[SCRATCH_SLOT];
    volatile char *window = (char *)slot_va(SCRATCH_SLOT);

    build();
    CHECK_EQ(mmuext(MMUEXT_PIN_L3_TABLE, va_to_mfn(l3), 0), 0);
    check_all(-XEN_EBUSY);
    CHECK_EQ(mmuext(MMUEXT_UNPIN_TABLE, va_to_mfn(l3), 0), 0);
    check_all(0);
    discard();

    build();
    CHECK_EQ(mmuext(MMUEXT_PIN_L3_TABLE, va_to_mfn(l3), 0), 0);
    CHECK_EQ(pte_write(slot, va_to_maddr(l3) | PTE_RWX), 0);
    CHECK_EQ(mmuext(MMUEXT_UNPIN_TABLE, va_to_mfn(l3), 0), 0);
    check_all(-XEN_EBUSY);
    window[3 * PAGE_SIZE] = 42;
    CHECK_EQ(data[0], 42);
    CHECK_EQ(window[(1ul << 30) + (17ul << 21) + 6 * PAGE_SIZE], 42);
    CHECK_EQ(pte_write(slot, 0), 0);
    CHECK_EQ(mmuext(MMUEXT_TLB_FLUSH_ALL, 0, 0), 0);
    check_all(0);
    discard();
}

GUEST_TEST(test);
