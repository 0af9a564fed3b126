/* SPDX-License-Identifier: MIT */
/*
 * gnttab_map_errors: map and unmap with everything wrong.
 *
 * What:     bad references, domains, flags, addresses, entries for others, entries that permit nothing,
 *           bad handles; batches.
 * Why:      a backend's kernel passes on what a hostile frontend wrote.
 * Method:   one field wrong at a time; then a batch with the bad one in the middle.
 * Expected: the status of each; nothing mapped, no use count left; the rest of a batch goes on.
 * Xen:      the same; bad_gntref is for references beyond the table, an entry that does not permit the
 *           access is GNTST_general_error.
 */
#include "tests/guests/framework/guest.h"

static struct scratch s;

static int map(uint32_t flags, grant_ref_t ref, domid_t dom)
{
    grant_handle_t handle;

    return grant_map((uint64_t)scratch_va(&s, 0), flags, ref, dom, &handle);
}

static void check_refs(void *page)
{
    grant_handle_t handle;
    uint64_t bad_va = slot_va(SCRATCH_SLOT + 7);

    CHECK_EQ(map(GNTMAP_host_map, GRANT_FIRST, own_domid()), GNTST_general_error);
    CHECK_EQ(map(GNTMAP_host_map, 0x7fffffff, own_domid()), GNTST_bad_gntref);
    grant_access(GRANT_FIRST, own_domid(), page, 0);
    CHECK_EQ(map(GNTMAP_host_map, GRANT_FIRST, 0x7fef), GNTST_bad_domain);
    CHECK_EQ(map(GNTMAP_host_map, GRANT_FIRST, DOMID_SELF), GNTST_bad_domain);
    CHECK_EQ(map(0, GRANT_FIRST, own_domid()), GNTST_bad_gntref);
    CHECK_EQ(grant_map(bad_va, GNTMAP_host_map, GRANT_FIRST, own_domid(), &handle), GNTST_general_error);
    CHECK_EQ(grant_map(0xffff800000000000, GNTMAP_host_map, GRANT_FIRST, own_domid(), &handle),
             GNTST_general_error);
    CHECK_EQ(grant_table()[GRANT_FIRST].flags, GTF_permit_access);
    grant_access(GRANT_FIRST, 0x7fef, page, 0);
    CHECK_EQ(map(GNTMAP_host_map, GRANT_FIRST, own_domid()), GNTST_general_error);
    grant_table()[GRANT_FIRST].frame = 0x7ffffff;
    grant_table()[GRANT_FIRST].domid = own_domid();
    CHECK(map(GNTMAP_host_map, GRANT_FIRST, own_domid()) < 0);
    CHECK_EQ(grant_table()[GRANT_FIRST].flags & (GTF_reading | GTF_writing), 0);
    CHECK(grant_end(GRANT_FIRST));
}

static void check_handles(void *page)
{
    grant_handle_t handle;

    CHECK_EQ(grant_unmap((uint64_t)scratch_va(&s, 0), 0x12345), GNTST_bad_handle);
    CHECK_EQ(grant_unmap((uint64_t)scratch_va(&s, 0), ~0u), GNTST_bad_handle);
    grant_access(GRANT_FIRST, own_domid(), page, 0);
    CHECK_EQ(grant_map((uint64_t)scratch_va(&s, 0), GNTMAP_host_map, GRANT_FIRST, own_domid(), &handle),
             GNTST_okay);
    CHECK(grant_unmap((uint64_t)scratch_va(&s, 1), handle) < 0);
    CHECK_EQ(grant_unmap((uint64_t)scratch_va(&s, 0), handle), GNTST_okay);
    CHECK(grant_end(GRANT_FIRST));
}

static void check_batch(void *page)
{
    struct gnttab_map_grant_ref ops[3];
    struct gnttab_unmap_grant_ref undo[2];

    grant_access(GRANT_FIRST, own_domid(), page, 0);
    for (unsigned int i = 0; i < 3; i++)
        ops[i] = (struct gnttab_map_grant_ref){ .host_addr = (uint64_t)scratch_va(&s, i),
                                                .flags = GNTMAP_host_map,
                                                .ref = GRANT_FIRST + (i == 1),
                                                .dom = own_domid() };
    CHECK_EQ(hc_grant(GNTTABOP_map_grant_ref, ops, 3), 0);
    CHECK_EQ(ops[0].status, GNTST_okay);
    CHECK_EQ(ops[1].status, GNTST_general_error);
    CHECK_EQ(ops[2].status, GNTST_okay);
    CHECK_EQ(s.l1[1], 0);
    for (unsigned int i = 0; i < 2; i++)
        undo[i] =
            (struct gnttab_unmap_grant_ref){ .host_addr = ops[2 * i].host_addr, .handle = ops[2 * i].handle };
    CHECK_EQ(hc_grant(GNTTABOP_unmap_grant_ref, undo, 2), 0);
    CHECK_EQ(undo[0].status, GNTST_okay);
    CHECK_EQ(undo[1].status, GNTST_okay);
    CHECK(grant_end(GRANT_FIRST));
    CHECK_EQ(hc_grant(GNTTABOP_map_grant_ref, ops, 0), 0);
}

static void test(void)
{
    void *page = page_alloc();

    grant_table();
    scratch_link(&s, SCRATCH_SLOT);
    check_refs(page);
    check_handles(page);
    check_batch(page);
    scratch_unlink(&s);
    page_free(page);
}

GUEST_TEST(test);
