/* SPDX-License-Identifier: MIT */
/*
 * memory_return_stale: a page that leaves its domain and comes back has no writable TLB entry left.
 *
 * What:     XENMEM_exchange that fails half-way and gives its input back; a page transferred to oneself, or
 * to nobody. Why:      the page begins a new life in between. Is it taken for one that nobody can have
 * mapped, it becomes a page table that its owner can still write: the machine is the guest's. Method:   write
 * a page, take its mapping away WITHOUT a flush, send it round, pin it as an L1, write it. Expected: the
 * write is #PF, the table stays empty. Xen:      the same. A transfer to oneself may be refused.
 */
#include "tests/guests/framework/guest.h"

static void touch(void *p)
{
    *(volatile uint64_t *)p = PTE_RWX & ~1ul;
}

/* The page is this domain's again; its owner has not flushed. */
static void check_pinned(void *page)
{
    uint64_t mfn = va_to_mfn(page);

    if (!CHECK_EQ(mmuext(MMUEXT_PIN_L1_TABLE, mfn, 0), 0))
        return;
    CHECK_EQ(trap_vector_of(touch, page), VEC_PF);
    CHECK_EQ(mmuext(MMUEXT_UNPIN_TABLE, mfn, 0), 0);
    CHECK_EQ(map_writable(page), 0);
    CHECK_EQ(*(volatile uint64_t *)page, 0);
}

static void unmap_without_flush(void *page)
{
    *(volatile uint64_t *)page = 0;
    CHECK_EQ(hc_update_va(page, 0, 0), 0);
}

static void check_exchange(void *page)
{
    xen_pfn_t in[2] = { va_to_mfn(page), 0x7ffffff }, out = va_to_pfn(page) & ~1ul;
    struct xen_memory_exchange x = { .in = { .nr_extents = 2, .domid = DOMID_SELF },
                                     .out = { .nr_extents = 1, .extent_order = 1, .domid = DOMID_SELF } };

    set_xen_guest_handle(x.in.extent_start, in);
    set_xen_guest_handle(x.out.extent_start, &out);
    unmap_without_flush(page);
    CHECK_EQ(hc_memory_op(XENMEM_exchange, &x), -XEN_EINVAL);
    CHECK_EQ(x.nr_exchanged, 0);
    check_pinned(page);
}

/* False: it is not offered, and the page may be lost. */
static bool check_transfer(void *page)
{
    struct gnttab_transfer op = { .mfn = va_to_mfn(page), .domid = own_domid(), .ref = GRANT_FIRST };
    volatile grant_entry_v1_t *entry = &grant_table()[GRANT_FIRST];

    entry->domid = own_domid();
    entry->frame = (uint32_t)va_to_pfn(page);
    entry->flags = GTF_accept_transfer;
    unmap_without_flush(page);
    CHECK_EQ(hc_grant(GNTTABOP_transfer, &op, 1), 0);
    if (op.status == GNTST_okay) {
        CHECK_EQ(entry->frame, va_to_mfn(page));
        check_pinned(page);
    }
    entry->flags = 0;
    return op.status == GNTST_okay;
}

/* A transfer that nobody accepts loses the page; the next that comes is mostly the same. */
static void check_refused_transfer(void *page)
{
    struct gnttab_transfer op = { .mfn = va_to_mfn(page), .domid = own_domid(), .ref = GRANT_FIRST };
    xen_pfn_t frame = va_to_pfn(page);
    struct xen_memory_reservation r = { .nr_extents = 1, .domid = DOMID_SELF };

    set_xen_guest_handle(r.extent_start, &frame);
    unmap_without_flush(page);
    CHECK_EQ(hc_grant(GNTTABOP_transfer, &op, 1), 0);
    CHECK(op.status != GNTST_okay);
    if (op.status != GNTST_bad_page)
        CHECK_EQ(hc_memory_op(XENMEM_populate_physmap, &r), 1);
    if (frame == va_to_mfn(page)) {
        check_pinned(page);
        return;
    }
    ((uint64_t *)start_info->mfn_list)[va_to_pfn(page)] =
        op.status == GNTST_bad_page ? va_to_mfn(page) : frame;
    CHECK_EQ(map_writable(page), 0);
}

static void test(void)
{
    void *page = page_alloc();

    check_exchange(page);
    check_refused_transfer(page);
    if (check_transfer(page))
        page_free(page);
}

GUEST_TEST(test);
