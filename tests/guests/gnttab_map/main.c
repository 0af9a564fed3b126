/* SPDX-License-Identifier: MIT */
/*
 * gnttab_map: mapping and unmapping a grant of this domain's own page.
 *
 * What:     map by address, read-only and writable, several maps of one grant, unmap, use counts in the
 *           entry's flags.
 * Why:      the data path of every backend.
 * Method:   grant a page to this domain, map it into a scratch window, read and write through it, unmap,
 *           touch again.
 * Expected: the same memory; GTF_reading and GTF_writing show while mapped and vanish with the last
 *           unmap; a write through a read-only map is #PF; after unmap the window is not present; an
 *           unmapped handle is bad.
 * Xen:      the same; a writable map of a read-only grant is GNTST_general_error.
 */
#include "tests/guests/framework/guest.h"

static void touch(void *p)
{
    *(volatile uint8_t *)p = 1;
}

static void look(void *p)
{
    (void)*(volatile uint8_t *)p;
}

static void check_writable(struct scratch *s, uint64_t *page, grant_ref_t ref)
{
    uint64_t *window = (uint64_t *)scratch_va(s, 0);
    grant_handle_t handle;

    grant_access(ref, own_domid(), page, 0);
    CHECK_EQ(grant_map((uint64_t)window, GNTMAP_host_map, ref, own_domid(), &handle), GNTST_okay);
    CHECK_EQ(grant_table()[ref].flags & (GTF_reading | GTF_writing), GTF_reading | GTF_writing);
    window[3] = 0x5566;
    barrier();
    CHECK_EQ(page[3], 0x5566);
    CHECK(!grant_end(ref));
    CHECK_EQ(grant_unmap((uint64_t)window, handle), GNTST_okay);
    CHECK_EQ(grant_table()[ref].flags & (GTF_reading | GTF_writing), 0);
    CHECK_EQ(trap_vector_of(look, window), VEC_PF);
    CHECK_EQ(grant_unmap((uint64_t)window, handle), GNTST_bad_handle);
    CHECK(grant_end(ref));
}

static void check_readonly(struct scratch *s, uint64_t *page, grant_ref_t ref)
{
    char *window = scratch_va(s, 1);
    grant_handle_t one, two;

    grant_access(ref, own_domid(), page, GTF_readonly);
    CHECK_EQ(grant_map((uint64_t)window, GNTMAP_host_map, ref, own_domid(), &one), GNTST_general_error);
    CHECK_EQ(grant_map((uint64_t)window, GNTMAP_host_map | GNTMAP_readonly, ref, own_domid(), &one),
             GNTST_okay);
    CHECK_EQ(
        grant_map((uint64_t)window + PAGE_SIZE, GNTMAP_host_map | GNTMAP_readonly, ref, own_domid(), &two),
        GNTST_okay);
    CHECK(one != two);
    CHECK_EQ(grant_table()[ref].flags & (GTF_reading | GTF_writing), GTF_reading);
    CHECK_EQ(trap_vector_of(look, window), -1);
    CHECK_EQ(trap_vector_of(touch, window), VEC_PF);
    CHECK_EQ(grant_unmap((uint64_t)window, one), GNTST_okay);
    CHECK_EQ(grant_table()[ref].flags & (GTF_reading | GTF_writing), GTF_reading);
    CHECK_EQ(trap_vector_of(look, window + PAGE_SIZE), -1);
    CHECK_EQ(grant_unmap((uint64_t)window + PAGE_SIZE, two), GNTST_okay);
    CHECK_EQ(grant_table()[ref].flags & (GTF_reading | GTF_writing), 0);
    CHECK(grant_end(ref));
}

static void test(void)
{
    uint64_t *page = page_alloc();
    struct scratch s;

    scratch_link(&s, SCRATCH_SLOT);
    check_writable(&s, page, GRANT_FIRST);
    check_readonly(&s, page, GRANT_FIRST + 1);
    scratch_unlink(&s);
    page_free(page);
}

GUEST_TEST(test);
