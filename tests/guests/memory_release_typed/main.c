/* SPDX-License-Identifier: MIT */
/*
 * memory_release_typed: decrease_reservation of pages in use.
 *
 * What:     releasing a page that is mapped writable, a pinned table, a linked table.
 * Why:      a frame that goes to another domain while something still refers to it is the worst of bugs.
 * Method:   release each; look whether this domain still has it; drop the reference; look again.
 * Expected: the frame stays with this domain while references last, and cannot be mapped by anyone else.
 * Xen:      the release counts as done at once; the frame goes with the unpin or the last mapping.
 */
#include "tests/guests/framework/guest.h"

static long reservation(void)
{
    domid_t self = DOMID_SELF;

    return hc_memory_op(XENMEM_current_reservation, &self);
}

static long change(unsigned int op, xen_pfn_t *frame)
{
    struct xen_memory_reservation r = { .nr_extents = 1, .domid = DOMID_SELF };

    set_xen_guest_handle(r.extent_start, frame);
    return hc_memory_op(op, &r);
}

static void give_back(void *page)
{
    xen_pfn_t frame = va_to_pfn(page);

    CHECK_EQ(change(XENMEM_populate_physmap, &frame), 1);
    ((uint64_t *)start_info->mfn_list)[va_to_pfn(page)] = frame;
    CHECK_EQ(map_writable(page), 0);
    page_free(page);
}

static void test(void)
{
    uint8_t *mapped = page_alloc();
    uint64_t *table = page_alloc();
    xen_pfn_t frame = va_to_mfn(mapped);
    long before = reservation();

    mapped[0] = 0x31;
    CHECK_EQ(change(XENMEM_decrease_reservation, &frame), 1);
    CHECK_EQ(mapped[0], 0x31);
    CHECK_EQ(reservation(), before);
    CHECK_EQ(hc_update_va(mapped, 0, UVMF_INVLPG | UVMF_ALL), 0);
    CHECK_EQ(reservation(), before - 1);
    give_back(mapped);

    CHECK_EQ(table_pin(table, 1), 0);
    frame = va_to_mfn(table);
    CHECK_EQ(hc_update_va(table, 0, UVMF_INVLPG | UVMF_ALL), 0);
    CHECK_EQ(change(XENMEM_decrease_reservation, &frame), 1);
    CHECK_EQ(reservation(), before);
    CHECK_EQ(mmuext(MMUEXT_UNPIN_TABLE, frame, 0), 0);
    CHECK_EQ(reservation(), before - 1);
    give_back(table);
    CHECK_EQ(reservation(), before);
}

GUEST_TEST(test);
