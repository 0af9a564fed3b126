/* SPDX-License-Identifier: MIT */
/*
 * gnttab_v2: switching to grant-table version 2 and back.
 *
 * What:     set_version(2), get_version, status frames, a map through a v2 entry, set_version(1).
 * Why:      a hypervisor that offers version 2 must do all of it; one that does not must say so.
 * Method:   switch, set up, map, unmap, switch back; switching with a mapped entry.
 * Expected: the status word shows reading while mapped; -EBUSY while in use; entries work again as v1
 *           afterwards.
 * Xen:      the same. Ryokan offers version 1 only: SKIP with -ENOSYS or -EINVAL, as Xen's
 *           gnttab=max-ver:1.
 */
#include "tests/guests/framework/guest.h"

static uint8_t shared_window[PAGE_SIZE] __attribute__((aligned(4096)));
static uint8_t status_window[PAGE_SIZE] __attribute__((aligned(4096)));

static long set_version(uint32_t version)
{
    struct gnttab_set_version op = { .version = version };

    return hc_grant(GNTTABOP_set_version, &op, 1);
}

static void map_windows(void)
{
    xen_pfn_t frame = 0;
    uint64_t status = 0;
    struct gnttab_setup_table setup = { .dom = DOMID_SELF, .nr_frames = 1 };
    struct gnttab_get_status_frames get = { .dom = DOMID_SELF, .nr_frames = 1 };

    set_xen_guest_handle(setup.frame_list, &frame);
    set_xen_guest_handle(get.frame_list, &status);
    CHECK_EQ(hc_grant(GNTTABOP_setup_table, &setup, 1), 0);
    CHECK_EQ(setup.status, GNTST_okay);
    CHECK_EQ(hc_grant(GNTTABOP_get_status_frames, &get, 1), 0);
    CHECK_EQ(get.status, GNTST_okay);
    CHECK_EQ(hc_update_va(shared_window, frame << PAGE_SHIFT | PTE_RWX, UVMF_INVLPG), 0);
    CHECK_EQ(hc_update_va(status_window, status << PAGE_SHIFT | PTE_RWX, UVMF_INVLPG), 0);
}

static void use_v2(struct scratch *s, uint64_t *page)
{
    volatile grant_entry_v2_t *entry = &((volatile grant_entry_v2_t *)shared_window)[GRANT_FIRST];
    volatile grant_status_t *status = &((volatile grant_status_t *)status_window)[GRANT_FIRST];
    uint64_t window = (uint64_t)scratch_va(s, 0);
    grant_handle_t handle;

    entry->full_page.frame = va_to_mfn(page);
    entry->full_page.hdr.domid = own_domid();
    entry->full_page.hdr.flags = GTF_permit_access;
    CHECK_EQ(grant_map(window, GNTMAP_host_map, GRANT_FIRST, own_domid(), &handle), GNTST_okay);
    CHECK_EQ(*status & (GTF_reading | GTF_writing), GTF_reading | GTF_writing);
    *(volatile uint64_t *)window = 99;
    CHECK_EQ(*(volatile uint64_t *)page, 99);
    CHECK_EQ(set_version(1), -XEN_EBUSY);
    CHECK_EQ(grant_unmap(window, handle), GNTST_okay);
    CHECK_EQ(*status & (GTF_reading | GTF_writing), 0);
    entry->full_page.hdr.flags = 0;
}

static void test(void)
{
    uint64_t *page = page_alloc();
    uint64_t shared_pte = pte_read(shared_window), status_pte = pte_read(status_window);
    struct scratch s;
    long ret;

    grant_table();
    ret = set_version(2);
    if (ret == -XEN_ENOSYS || ret == -XEN_EINVAL) {
        test_skip("version 2 is not offered (%ld)", ret);
        page_free(page);
        return;
    }
    CHECK_EQ(ret, 0);
    scratch_link(&s, SCRATCH_SLOT);
    map_windows();
    use_v2(&s, page);
    CHECK_EQ(hc_update_va(shared_window, shared_pte, UVMF_INVLPG), 0);
    CHECK_EQ(hc_update_va(status_window, status_pte, UVMF_INVLPG), 0);
    scratch_unlink(&s);
    CHECK_EQ(set_version(1), 0);
    grant_table_remap();
    page_free(page);
}

GUEST_TEST(test);
