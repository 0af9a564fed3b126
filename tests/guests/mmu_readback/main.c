/* SPDX-License-Identifier: MIT */
/*
 * mmu_readback: what a guest reads in its own page tables.
 *
 * What:     entries of all levels after mmu_update, update_va_mapping and pinning, set with and without
 *           the user bit.
 * Why:      guests read their tables back: frame, RW, NX, A, D and cache bits must be theirs. The
 *           hypervisor adds the user bit (kernel and user share ring 3), a global bit for user pages and
 *           a mark for kernel pages.
 * Method:   write, read, compare under a mask.
 * Expected: unchanged except US, G and bits 52 and up; US always set.
 * Xen:      the same; cache bits are for domains with devices only; it marks kernel pages with bit 52
 *           and makes user pages global.
 */
#include "tests/guests/framework/guest.h"

#define CHANGEABLE (PTE_US | PTE_G | 0x7ff0000000000000ul)

static void check(const uint64_t *entry, uint64_t value)
{
    uint64_t got;

    CHECK_EQ(pte_write(entry, value), 0);
    got = *(const volatile uint64_t *)entry;
    if ((got ^ value) & ~CHANGEABLE)
        test_failure("wrote %lx, reads %lx", value, got);
    CHECK_EQ(got & PTE_US, PTE_US);
    CHECK_EQ(pte_write(entry, 0), 0);
}

static void test(void)
{
    char *data = page_alloc();
    uint64_t *l1 = page_alloc();
    struct scratch s;

    scratch_link(&s, SCRATCH_SLOT);
    for (unsigned int user = 0; user < 2; user++) {
        uint64_t us = user ? PTE_US : 0;

        check(&s.l1[9], va_to_maddr(data) | PTE_P | us);
        check(&s.l1[9], va_to_maddr(data) | PTE_P | PTE_RW | us);
        check(&s.l1[9], va_to_maddr(data) | PTE_P | PTE_RW | PTE_NX | PTE_A | us);
        check(&s.l1[9], va_to_maddr(data) | PTE_P | PTE_RW | PTE_D | PTE_AVAIL | us);
        if (is_initial_domain())
            check(&s.l1[9], va_to_maddr(data) | PTE_P | PTE_PWT | PTE_PCD | us);
        l1[user] = va_to_maddr(data) | PTE_P | PTE_RW | us;
    }
    CHECK_EQ(table_pin(l1, 1), 0);
    CHECK_EQ(l1[0] & ~CHANGEABLE, va_to_maddr(data) | PTE_P | PTE_RW);
    CHECK_EQ(l1[1] & ~CHANGEABLE, va_to_maddr(data) | PTE_P | PTE_RW);
    CHECK_EQ(l1[0] & l1[1] & PTE_US, PTE_US);
    check(&s.l2[9], va_to_maddr(l1) | PTE_P | PTE_RW);
    check(&s.l2[9], va_to_maddr(l1) | PTE_P | PTE_RW | PTE_US | PTE_NX);
    CHECK_EQ(table_unpin(l1), 0);
    scratch_unlink(&s);
    page_free(l1);
    page_free(data);
}

GUEST_TEST(test);
