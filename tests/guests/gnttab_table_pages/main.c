/* SPDX-License-Identifier: MIT */
/*
 * gnttab_table_pages: grants and page types.
 *
 * What:     writable grant maps of page tables, pins of pages that a grant maps writable, read-only
 *           grant maps of tables.
 * Why:      a grant is a mapping like any other; the page-type rules must see it.
 * Method:   both orders.
 * Expected: map writable of a pinned table fails; pin while a writable grant map exists is -EINVAL;
 *           read-only is fine.
 * Xen:      the same: GNTST_general_error.
 */
#include "tests/guests/framework/guest.h"

static void test(void)
{
    uint64_t *page = page_alloc();
    struct scratch s;
    grant_handle_t handle;
    uint64_t window;

    scratch_link(&s, SCRATCH_SLOT);
    window = (uint64_t)scratch_va(&s, 0);
    grant_access(GRANT_FIRST, own_domid(), page, 0);

    CHECK_EQ(table_pin(page, 1), 0);
    CHECK_EQ(grant_map(window, GNTMAP_host_map, GRANT_FIRST, own_domid(), &handle), GNTST_general_error);
    CHECK_EQ(grant_map(window, GNTMAP_host_map | GNTMAP_readonly, GRANT_FIRST, own_domid(), &handle),
             GNTST_okay);
    CHECK_EQ(grant_unmap(window, handle), GNTST_okay);
    CHECK_EQ(table_unpin(page), 0);

    CHECK_EQ(grant_map(window, GNTMAP_host_map, GRANT_FIRST, own_domid(), &handle), GNTST_okay);
    CHECK_EQ(map_readonly(page), 0);
    CHECK_EQ(mmuext(MMUEXT_PIN_L1_TABLE, va_to_mfn(page), 0), -XEN_EINVAL);
    CHECK_EQ(grant_unmap(window, handle), GNTST_okay);
    CHECK_EQ(mmuext(MMUEXT_PIN_L1_TABLE, va_to_mfn(page), 0), 0);
    CHECK_EQ(table_unpin(page), 0);
    CHECK(grant_end(GRANT_FIRST));
    scratch_unlink(&s);
    page_free(page);
}

GUEST_TEST(test);
