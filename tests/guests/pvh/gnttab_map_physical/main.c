/* SPDX-License-Identifier: MIT */
/*
 * gnttab_map_physical: a hardware guest maps a grant into its physical address space.
 *
 * What:     map a grant of this domain's own page at a guest frame without memory, use it, unmap; a read-only
 * one; both at once; what is refused. Why:      it is how a backend or a driver domain of this kind works;
 * and the operation's structure must be read from the guest's memory, wherever its tables put that, and not
 * from the hypervisor's own. Method:   a page of the image is led to the frame by the guest's own tables.
 * Expected: the same memory; the use shows in the entry's flags; an unaligned address and a handle that was
 * given back are refused, and a read-only mapping does not go by the handle of a writable one, which would
 * leave that one in place without its use. Xen:      the same, but it takes either kind of mapping for either
 * handle.
 */
#include "tests/guests/framework/guest.h"
#include "guest_arch.h"

#define HOLE 0xf9000ul /* below 4 GiB, without memory */

static void check_writable(volatile uint64_t *window, uint64_t *page, grant_ref_t ref)
{
    grant_handle_t handle;

    grant_access(ref, own_domid(), page, 0);
    CHECK_EQ(grant_map(HOLE << PAGE_SHIFT, GNTMAP_host_map, ref, own_domid(), &handle), GNTST_okay);
    CHECK_EQ(grant_table()[ref].flags & (GTF_reading | GTF_writing), GTF_reading | GTF_writing);
    window[3] = 0x5566;
    CHECK_EQ(*(volatile uint64_t *)&page[3], 0x5566);
    CHECK(!grant_end(ref));
    CHECK_EQ(grant_unmap(HOLE << PAGE_SHIFT, handle), GNTST_okay);
    CHECK_EQ(grant_table()[ref].flags & (GTF_reading | GTF_writing), 0);
    CHECK_EQ(grant_unmap(HOLE << PAGE_SHIFT, handle), GNTST_bad_handle);
    CHECK(window[3] != 0x5566);
    CHECK(grant_end(ref));
}

static void check_readonly(const volatile uint64_t *window, uint64_t *page, grant_ref_t ref)
{
    grant_handle_t handle;

    grant_access(ref, own_domid(), page, GTF_readonly);
    CHECK_EQ(grant_map(HOLE << PAGE_SHIFT, GNTMAP_host_map, ref, own_domid(), &handle), GNTST_general_error);
    CHECK_EQ(
        grant_map((HOLE << PAGE_SHIFT) + 8, GNTMAP_host_map | GNTMAP_readonly, ref, own_domid(), &handle),
        GNTST_general_error);
    CHECK_EQ(grant_map(HOLE << PAGE_SHIFT, GNTMAP_host_map | GNTMAP_readonly, ref, own_domid(), &handle),
             GNTST_okay);
    CHECK_EQ(window[3], 0x5566);
    CHECK_EQ(grant_unmap(HOLE << PAGE_SHIFT, handle), GNTST_okay);
    CHECK(grant_end(ref));
}

/* Two uses of one grant, of which each ends with its own mapping: the one that may write must not end with
 * the other's. */
static void check_mixed(volatile uint64_t *window, uint64_t *page, grant_ref_t ref)
{
    uint64_t writable = HOLE << PAGE_SHIFT, readonly = writable + PAGE_SIZE;
    grant_handle_t reads, writes;

    grant_access(ref, own_domid(), page, 0);
    CHECK_EQ(grant_map(writable, GNTMAP_host_map, ref, own_domid(), &writes), GNTST_okay);
    CHECK_EQ(grant_map(readonly, GNTMAP_host_map | GNTMAP_readonly, ref, own_domid(), &reads), GNTST_okay);
    CHECK_EQ(grant_unmap(readonly, writes), GNTST_general_error);
    CHECK_EQ(grant_unmap(writable, reads), GNTST_general_error);
    CHECK_EQ(grant_table()[ref].flags & (GTF_reading | GTF_writing), GTF_reading | GTF_writing);
    window[3] = 0x7788;
    CHECK_EQ(*(volatile uint64_t *)&page[3], 0x7788);
    CHECK_EQ(grant_unmap(writable, writes), GNTST_okay);
    CHECK_EQ(grant_table()[ref].flags & (GTF_reading | GTF_writing), GTF_reading);
    CHECK_EQ(grant_unmap(readonly, reads), GNTST_okay);
    CHECK(grant_end(ref));
}

static void test(void)
{
    static uint64_t window[PAGE_SIZE / sizeof(uint64_t)] __attribute__((aligned(PAGE_SIZE)));
    uint64_t *page = page_alloc();

    pvh_map(window, HOLE);
    check_writable(window, page, GRANT_FIRST);
    check_readonly(window, page, GRANT_FIRST + 1);
    check_mixed(window, page, GRANT_FIRST + 2);
    page_free(page);
}

GUEST_TEST(test);
