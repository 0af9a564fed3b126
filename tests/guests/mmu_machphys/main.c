/* SPDX-License-Identifier: MIT */
/*
 * mmu_machphys: the machine-to-phys table.
 *
 * What:     MMU_MACHPHYS_UPDATE on own and foreign frames; reads, writes and holes of the table;
 *           machphys_mapping and machphys_mfn_list.
 * Why:      Linux and Mini-OS read it directly and rely on a #PF in its holes; GRUB rewrites it.
 * Method:   change and restore entries; read beyond; write directly.
 * Expected: updates show at once; foreign frames -EINVAL or -EPERM; direct write #PF; reads beyond the
 *           table #PF.
 * Xen:      the same.
 */
#include "tests/guests/framework/guest.h"

static void read_at(void *p)
{
    (void)*(volatile uint64_t *)p;
}

static void write_at(void *p)
{
    *(volatile uint64_t *)p = 0;
}

static long set_m2p(mfn_num_t mfn, uint64_t pfn)
{
    mmu_update_t req = { .ptr = mfn << PAGE_SHIFT | MMU_MACHPHYS_UPDATE, .val = pfn };

    return hc_mmu_update(&req, 1, 0, DOMID_SELF);
}

static void test(void)
{
    volatile uint64_t *m2p = (uint64_t *)MACH2PHYS_VIRT_START;
    struct xen_machphys_mapping mapping;
    void *page = page_alloc();
    mfn_num_t mfn = va_to_mfn(page);
    uint64_t pfn = va_to_pfn(page);
    const struct trap_record *r;

    CHECK_EQ(m2p[mfn], pfn);
    CHECK_EQ(set_m2p(mfn, 0x123456789), 0);
    CHECK_EQ(m2p[mfn], 0x123456789);
    CHECK_EQ(set_m2p(mfn, pfn), 0);
    CHECK(set_m2p(0x7ffffff, 1) < 0);
    CHECK(set_m2p(0xfee00, 1) < 0);
    r = trap_catch(write_at, (void *)(MACH2PHYS_VIRT_START + mfn * 8));
    CHECK(r && r->regs.vector == VEC_PF && r->regs.error == (PFEC_PRESENT | PFEC_WRITE));
    CHECK_EQ(m2p[mfn], pfn);
    r = trap_catch(read_at, (void *)(MACH2PHYS_VIRT_START + 0x3000000000));
    CHECK(r && r->regs.vector == VEC_PF && r->cr2 == MACH2PHYS_VIRT_START + 0x3000000000);
    CHECK_EQ(hc_memory_op(XENMEM_machphys_mapping, &mapping), 0);
    CHECK_EQ(mapping.v_start, MACH2PHYS_VIRT_START);
    CHECK(mapping.v_end > mapping.v_start && mapping.max_mfn >= mfn);
    page_free(page);
}

GUEST_TEST(test);
