/* SPDX-License-Identifier: MIT */
/*
 * exchange_forged_type: a page that was exchanged away is nobody's page table, whatever its number was.
 *
 * What:     the machine-to-phys entry of a frame, which a guest may set to anything, is set to what the
 *           hypervisor's word for "validated L1 table of this domain" looks like; the frame is exchanged, and
 *           an entry of it is updated.
 * Why:      the old number of a frame that is being exchanged has to be kept somewhere for the way back. Kept
 *           in the word for the frame's type, it made the freed frame a table of the guest's, whose forged
 *           entries it could release: references to any frame of the machine.
 * Method:   MMU_MACHPHYS_UPDATE, XENMEM_exchange, mmu_update of the frame that went.
 * Expected: -EINVAL.
 * Xen:      the same.
 */
#include "tests/guests/framework/guest.h"

/* Ryokan's frame types: L1, validated, used once. */
#define FORGED (1ul << 61 | 1ul << 59 | (uint64_t)own_domid() << 40 | 1)

static long update(uint64_t ptr, uint64_t val)
{
    struct mmu_update u = { .ptr = ptr, .val = val };

    return hc_mmu_update(&u, 1, NULL, DOMID_SELF);
}

static void test(void)
{
    uint64_t *page = page_alloc(), pfn = va_to_pfn(page);
    xen_pfn_t in = va_to_mfn(page), out = pfn;
    struct xen_memory_exchange x = { .in = { .nr_extents = 1, .domid = DOMID_SELF },
                                     .out = { .nr_extents = 1, .domid = DOMID_SELF } };

    set_xen_guest_handle(x.in.extent_start, &in);
    set_xen_guest_handle(x.out.extent_start, &out);
    CHECK_EQ(hc_update_va(page, 0, UVMF_INVLPG | UVMF_ALL), 0);
    CHECK_EQ(update(in << PAGE_SHIFT | MMU_MACHPHYS_UPDATE, FORGED), 0);
    CHECK_EQ(hc_memory_op(XENMEM_exchange, &x), 0);
    CHECK_EQ(update(in << PAGE_SHIFT, 0), -XEN_EINVAL);
    ((uint64_t *)start_info->mfn_list)[pfn] = out;
    CHECK_EQ(map_writable(page), 0);
    page_free(page);
}

GUEST_TEST(test);
