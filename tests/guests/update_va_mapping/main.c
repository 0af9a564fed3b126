/* SPDX-License-Identifier: MIT */
/*
 * update_va_mapping: its flags and errors.
 *
 * What:     invlpg and flush flags (local, all, multi), addresses without an L1, hypervisor and
 *           non-canonical addresses, refused values.
 * Why:      the most frequent page-table call of a small kernel.
 * Method:   map, use, unmap with a flush, touch.
 * Expected: 0; after unmap with a flush the access faults; -EINVAL without an L1 and for hypervisor
 *           addresses; -EINVAL for unknown flush types; -EFAULT for a bad mask.
 * Xen:      the same.
 */
#include "tests/guests/framework/guest.h"

static void look(void *p)
{
    (void)*(volatile uint8_t *)p;
}

static void check_flush(char *va, uint64_t pte, uint64_t flags)
{
    CHECK_EQ(hc_update_va(va, pte, flags), 0);
    CHECK_EQ(*(volatile char *)va, 0x21);
    CHECK_EQ(hc_update_va(va, 0, flags), 0);
    if (trap_vector_of(look, va) != VEC_PF)
        test_failure("flags %lx: the page is still there", flags & 15);
}

static void test(void)
{
    char *data = page_alloc();
    uint64_t mask = ~0ul, pte = va_to_maddr(data) | PTE_RWX;
    struct scratch s;
    char *va;

    data[0] = 0x21;
    scratch_link(&s, SCRATCH_SLOT);
    va = scratch_va(&s, 3);
    check_flush(va, pte, UVMF_INVLPG | UVMF_LOCAL);
    check_flush(va, pte, UVMF_INVLPG | UVMF_ALL);
    check_flush(va, pte, UVMF_INVLPG | (uint64_t)&mask);
    check_flush(va, pte, UVMF_TLB_FLUSH | UVMF_LOCAL);
    check_flush(va, pte, UVMF_TLB_FLUSH | UVMF_ALL);
    check_flush(va, pte, UVMF_TLB_FLUSH | (uint64_t)&mask);
    CHECK_EQ(hc_update_va(va, 0, UVMF_INVLPG | 0x10), -XEN_EFAULT);
    CHECK_EQ(hc_update_va(slot_va(SCRATCH_SLOT + 3), pte, 0), -XEN_EINVAL);
    CHECK_EQ(hc_update_va(0xffff800000000000, 0, 0), -XEN_EINVAL);
    CHECK_EQ(hc_update_va(0xffff87fffffff000, pte, 0), -XEN_EINVAL);
    CHECK_EQ(hc_update_va(0x0000800000000000, pte, 0), -XEN_EINVAL);
    CHECK_EQ(hc_update_va(va, va_to_maddr(s.l1) | PTE_RWX, 0), -XEN_EBUSY);
    CHECK_EQ(hypercall4(__HYPERVISOR_update_va_mapping_otherdomain, va, pte, 0, 0x7fef), -XEN_ESRCH);
    CHECK_EQ(s.l1[3], 0);
    scratch_unlink(&s);
    page_free(data);
}

GUEST_TEST(test);
