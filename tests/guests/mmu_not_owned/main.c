/* SPDX-License-Identifier: MIT */
/*
 * mmu_not_owned: frames that belong to the hypervisor or to nobody.
 *
 * What:     mapping, linking, pinning, and updating entries inside such frames.
 * Why:      isolation itself.
 * Method:   take frames whose machine-to-phys entry is invalid, below and above this domain's own, and
 *           the local APIC's.
 * Expected: mapping -EBUSY for RAM, -EPERM for a frame without I/O permission, and nothing mapped; link,
 *           pin, unpin and new_baseptr -EINVAL; mmu_update of an entry in such a frame fails.
 * Xen:      the same.
 */
#include "tests/guests/framework/guest.h"

static void read_m2p(void *arg)
{
    uint64_t *mfn = arg;

    *mfn = ((volatile uint64_t *)MACH2PHYS_VIRT_START)[*mfn];
}

static bool raised_reading(mfn_num_t mfn, uint64_t *value)
{
    *value = mfn;
    return trap_catch(read_m2p, value);
}

/* RAM that is not this domain's: its M2P entry exists and does not lead back. */
static mfn_num_t find_foreign(mfn_num_t from)
{
    for (mfn_num_t mfn = from; mfn < from + 0x8000; mfn++) {
        uint64_t pfn;

        if (!raised_reading(mfn, &pfn) && (pfn >= start_info->nr_pages || pfn_to_mfn(pfn) != mfn))
            return mfn;
    }
    return INVALID_MFN_NUM;
}

static void check_frame(struct scratch *s, mfn_num_t mfn, long map_error, const char *what)
{
    static const uint64_t flags[] = { PTE_RO, PTE_RWX };
    mmu_update_t req = { .ptr = mfn << PAGE_SHIFT, .val = 0 };
    long ret;

    for (unsigned int i = 0; i < 2; i++) {
        ret = pte_write(&s->l1[1], mfn << PAGE_SHIFT | flags[i]);
        if (ret != map_error)
            test_failure("%s frame %lx mapped with %lx: %ld", what, mfn, flags[i], ret);
        CHECK_EQ(s->l1[1], 0);
    }
    CHECK_EQ(pte_write(&s->l2[1], mfn << PAGE_SHIFT | PTE_RWX), -XEN_EINVAL);
    CHECK_EQ(pte_write(&s->l3[1], mfn << PAGE_SHIFT | PTE_RWX), -XEN_EINVAL);
    CHECK_EQ(pte_write(&l4_table()[SCRATCH_SLOT + 1], mfn << PAGE_SHIFT | PTE_RWX), -XEN_EINVAL);
    for (unsigned int level = 1; level <= 4; level++)
        CHECK_EQ(mmuext(MMUEXT_PIN_L1_TABLE + level - 1, mfn, 0), -XEN_EINVAL);
    CHECK_EQ(mmuext(MMUEXT_UNPIN_TABLE, mfn, 0), -XEN_EINVAL);
    CHECK_EQ(mmuext(MMUEXT_NEW_BASEPTR, mfn, 0), -XEN_EINVAL);
    ret = hc_mmu_update(&req, 1, 0, DOMID_SELF);
    CHECK(ret == -XEN_EINVAL || ret == -XEN_EPERM);
}

static void test(void)
{
    struct scratch s;
    mfn_num_t low = find_foreign(0x8000), high = find_foreign(pfn_to_mfn(0) + start_info->nr_pages);

    scratch_link(&s, SCRATCH_SLOT);
    if (low != INVALID_MFN_NUM)
        check_frame(&s, low, -XEN_EBUSY, "low");
    if (high != INVALID_MFN_NUM)
        check_frame(&s, high, -XEN_EBUSY, "high");
    CHECK(low != INVALID_MFN_NUM || high != INVALID_MFN_NUM);
    check_frame(&s, 0xfee00, -XEN_EPERM, "local APIC");
    scratch_unlink(&s);
}

GUEST_TEST(test);
