/* SPDX-License-Identifier: MIT */
/*
 * mmu_bad_bits: bits that a guest may not set in a present entry, and those it may.
 *
 * What:     every bit 0..63 in L1 entries; PSE and G in the upper levels; anything at all in non-present
 *           entries.
 * Why:      reserved bits make the hypervisor's own accesses fault; PSE in an L2 would map 2 MiB
 *           unchecked.
 * Method:   set one extra bit in an entry through mmu_update and in a table being pinned.
 * Expected: -EINVAL for PSE and G above L1; 0 for A, D, PWT, PCD, PAT, the available bits 9-11 and
 *           53-62, and NX, which must read back.
 * Xen:      the same. Bit 52 is Xen's own mark of kernel pages and is left out here.
 */
#include "tests/guests/framework/guest.h"

static void check_l1_bits(struct scratch *s, uint64_t base)
{
    for (unsigned int bit = 53; bit < 63; bit++) {
        CHECK_EQ(pte_write(&s->l1[2], base | PTE_RO | 1ul << bit), 0);
        if ((s->l1[2] & 1ul << bit) == 0)
            test_failure("L1 bit %u was dropped", bit);
    }
    for (unsigned int bit = 3; bit < 12; bit++) {
        bool cache_bit = bit == 3 || bit == 4 || bit == 7;

        if (bit == 8)
            continue;
        if (cache_bit && !is_initial_domain()) {
            CHECK_EQ(pte_write(&s->l1[2], base | PTE_P | PTE_US | 1ul << bit), -XEN_EINVAL);
            continue;
        }
        CHECK_EQ(pte_write(&s->l1[2], base | PTE_P | PTE_US | 1ul << bit), 0);
        if ((s->l1[2] & 1ul << bit) == 0)
            test_failure("L1 bit %u was dropped", bit);
    }
    CHECK_EQ(pte_write(&s->l1[2], base | PTE_RO | PTE_NX), 0);
    CHECK_EQ(s->l1[2] & PTE_NX, PTE_NX);
    CHECK_EQ(pte_write(&s->l1[2], 0), 0);
}

static void check_upper(uint64_t *entry, uint64_t table, const char *what)
{
    static const uint64_t bad[] = { PTE_PSE, PTE_G, PTE_PSE | PTE_G };
    static const uint64_t good[] = { PTE_A, PTE_D, 0x200, 0x400, 0x800, 1ul << 53, 1ul << 58, 1ul << 62 };

    for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        long ret = pte_write(entry, table | PTE_P | PTE_RW | PTE_US | bad[i]);

        if (ret != -XEN_EINVAL)
            test_failure("%s bits %lx: %ld", what, bad[i], ret);
        CHECK_EQ(pte_write(entry, 0), 0);
    }
    for (unsigned int i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        CHECK_EQ(pte_write(entry, table | PTE_P | PTE_RW | PTE_US | good[i]), 0);
    CHECK_EQ(pte_write(entry, 0), 0);
}

static void check_not_present(uint64_t *entry)
{
    for (unsigned int bit = 1; bit < 64; bit++) {
        CHECK_EQ(pte_write(entry, 1ul << bit), 0);
        CHECK_EQ(*(volatile uint64_t *)entry, 1ul << bit);
    }
    CHECK_EQ(pte_write(entry, ~1ul), 0);
    CHECK_EQ(pte_write(entry, 0), 0);
}

static void test(void)
{
    uint64_t *l1 = page_alloc(), *l2 = page_alloc(), *l3 = page_alloc(), *holder = page_alloc();
    struct scratch s;

    scratch_link(&s, SCRATCH_SLOT);
    CHECK_EQ(table_pin(l1, 1), 0);
    CHECK_EQ(table_pin(l2, 2), 0);
    CHECK_EQ(table_pin(l3, 3), 0);
    check_l1_bits(&s, va_to_maddr(s.l1));
    check_upper(&s.l2[4], va_to_maddr(l1), "L2");
    check_upper(&s.l3[4], va_to_maddr(l2), "L3");
    check_upper(&l4_table()[SCRATCH_SLOT + 1], va_to_maddr(l3), "L4");
    check_not_present(&s.l1[6]);
    check_not_present(&s.l2[6]);
    check_not_present(&s.l3[6]);
    check_not_present(&l4_table()[SCRATCH_SLOT + 1]);
    holder[511] = va_to_maddr(l1) | PTE_RWX | PTE_PSE;
    CHECK_EQ(table_pin(holder, 2), -XEN_EINVAL);
    CHECK_EQ(map_writable(holder), 0);
    CHECK_EQ(table_unpin(l1), 0);
    CHECK_EQ(table_unpin(l2), 0);
    CHECK_EQ(table_unpin(l3), 0);
    scratch_unlink(&s);
    page_free(l1);
    page_free(l2);
    page_free(l3);
    page_free(holder);
}

GUEST_TEST(test);
