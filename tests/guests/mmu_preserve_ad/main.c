/* SPDX-License-Identifier: MIT */
/*
 * mmu_preserve_ad: MMU_PT_UPDATE_PRESERVE_AD.
 *
 * What:     command 2 of mmu_update: a new entry that keeps the old accessed and dirty bits.
 * Why:      Linux changes protections with it unconditionally; losing D loses data.
 * Method:   set A and D by use, update to read-only without A and D by command 2, then by command 0.
 * Expected: kept by command 2, lost by command 0.
 * Xen:      the same.
 */
#include "tests/guests/framework/guest.h"

static void test(void)
{
    char *data = page_alloc();
    uint64_t bare = va_to_maddr(data) | PTE_P | PTE_US;
    mmu_update_t req;
    struct scratch s;

    scratch_link(&s, SCRATCH_SLOT);
    req.ptr = va_to_maddr(&s.l1[0]);
    CHECK_EQ(pte_write(&s.l1[0], bare | PTE_RW), 0);
    CHECK_EQ(s.l1[0] & (PTE_A | PTE_D), 0);
    *(volatile char *)scratch_va(&s, 0) = 1;
    CHECK_EQ(*(volatile uint64_t *)&s.l1[0] & (PTE_A | PTE_D), PTE_A | PTE_D);
    req.ptr |= MMU_PT_UPDATE_PRESERVE_AD;
    req.val = bare;
    CHECK_EQ(hc_mmu_update(&req, 1, 0, DOMID_SELF), 0);
    CHECK_EQ(*(volatile uint64_t *)&s.l1[0] & (PTE_A | PTE_D | PTE_RW), PTE_A | PTE_D);
    req.val = bare | PTE_RW;
    CHECK_EQ(hc_mmu_update(&req, 1, 0, DOMID_SELF), 0);
    CHECK_EQ(*(volatile uint64_t *)&s.l1[0] & (PTE_A | PTE_D | PTE_RW), PTE_A | PTE_D | PTE_RW);
    CHECK_EQ(pte_write(&s.l1[0], bare), 0);
    CHECK_EQ(*(volatile uint64_t *)&s.l1[0] & (PTE_A | PTE_D), 0);
    CHECK_EQ(pte_write(&s.l1[0], 0), 0);
    scratch_unlink(&s);
    page_free(data);
}

GUEST_TEST(test);
