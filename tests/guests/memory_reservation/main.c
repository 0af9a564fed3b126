/* SPDX-License-Identifier: MIT */
/*
 * memory_reservation: decrease_reservation, populate_physmap and the counters.
 *
 * What:     giving pages back and getting others; current, maximum reservation; partial success.
 * Why:      the balloon driver. Both return the number of extents done, not an errno.
 * Method:   release pages that are mapped, then unmapped ones; count; populate again; try frames that
 *           are not this domain's.
 * Expected: a mapped page is released only when its last mapping goes; the count falls by the number
 *           released; populate gives new frames whose machine-to-phys entry is set; frames not owned
 *           stop the batch. A hardware guest names its own frames: memory leaves them at once, so that they
 *           read as ones, and comes back to them.
 * Xen:      the same: decrease_reservation of a still mapped page succeeds, and the page goes when it is
 *           unmapped.
 */
#include "tests/guests/framework/guest.h"
#include "guest_arch.h"

static long reservation(void)
{
    domid_t self = DOMID_SELF;

    return hc_memory_op(XENMEM_current_reservation, &self);
}

static long change(unsigned int op, xen_pfn_t *frames, unsigned long count, unsigned int order)
{
    struct xen_memory_reservation r = { .nr_extents = count, .extent_order = order, .domid = DOMID_SELF };

    set_xen_guest_handle(r.extent_start, frames);
    return hc_memory_op(op, &r);
}

static void check_errors(xen_pfn_t *frames)
{
    domid_t nobody = 0x7fef;
    struct xen_memory_reservation r = { .nr_extents = 1, .domid = 0x7fef };

    frames[0] = 0x7ffffff;
    CHECK_EQ(change(XENMEM_decrease_reservation, frames, 1, 0), 0);
    CHECK_EQ(change(XENMEM_decrease_reservation, frames, 0, 0), 0);
    CHECK_EQ(hc_memory_op(XENMEM_current_reservation, &nobody), -XEN_ESRCH);
    CHECK_EQ(hc_memory_op(XENMEM_maximum_reservation, &nobody), -XEN_ESRCH);
    set_xen_guest_handle(r.extent_start, frames);
    CHECK_EQ(hc_memory_op(XENMEM_decrease_reservation, &r), 0);
}

/* A PV guest's mapping has to go before the frame can. */
static void unmap(void *page)
{
    if (!ARCH_TRANSLATED)
        CHECK_EQ(hc_update_va(page, 0, UVMF_INVLPG | UVMF_ALL), 0);
}

static void check_gone(const void *page, xen_pfn_t frame)
{
    if (ARCH_TRANSLATED)
        CHECK_EQ(*(const volatile uint64_t *)page, ~0ul);
    else
        CHECK_EQ(hc_update_va(page, frame << PAGE_SHIFT | PTE_RWX, 0), -XEN_EBUSY);
}

/* The frame that came for a page: its own place is the guest's to note. */
static void adopt(const void *page, uint64_t pfn, xen_pfn_t frame)
{
    uint64_t *p2m = (uint64_t *)start_info->mfn_list;

    if (ARCH_TRANSLATED) {
        CHECK_EQ(frame, pfn);
        return;
    }
    CHECK_EQ(((uint64_t *)MACH2PHYS_VIRT_START)[frame], pfn);
    p2m[pfn] = frame;
    CHECK_EQ(map_writable((void *)(uintptr_t)page), 0);
}

static void test(void)
{
    domid_t self = DOMID_SELF;
    void *pages[4];
    xen_pfn_t frames[4], pfns[4];
    long before = reservation();

    /* The framework has put two of the hypervisor's pages in the place of a PVH guest's own. */
    CHECK(before >= (long)start_info->nr_pages - (ARCH_TRANSLATED ? 2 : 0));
    CHECK(hc_memory_op(XENMEM_maximum_reservation, &self) >= before);
    for (unsigned int i = 0; i < 4; i++) {
        pages[i] = page_alloc();
        pfns[i] = va_to_pfn(pages[i]);
        frames[i] = va_to_mfn(pages[i]);
        unmap(pages[i]);
    }
    CHECK_EQ(change(XENMEM_decrease_reservation, frames, 4, 0), 4);
    CHECK_EQ(reservation(), before - 4);
    check_gone(pages[0], frames[0]);
    CHECK_EQ(change(XENMEM_decrease_reservation, frames, 4, 0), 0);
    for (unsigned int i = 0; i < 4; i++)
        frames[i] = pfns[i];
    CHECK_EQ(change(XENMEM_populate_physmap, frames, 4, 0), 4);
    CHECK_EQ(reservation(), before);
    for (unsigned int i = 0; i < 4; i++) {
        adopt(pages[i], pfns[i], frames[i]);
        CHECK_EQ(*(uint64_t *)pages[i], 0);
        page_free(pages[i]);
    }
    check_errors(frames);
}

GUEST_TEST(test);
