/* SPDX-License-Identifier: MIT */
/*
 * gnttab_unmap_alias: a grant that was used at another address than it was mapped at.
 *
 * What:     unmap by one address of a table that two L2 entries refer to.
 * Why:      the entry is one, but CPUs know it by two addresses. Who flushes the one that was named leaves a
 *           hostile guest with a page that is no longer granted to it.
 * Method:   map a grant, write it at the second address, unmap it by the first, write it at both.
 * Expected: after the unmap it is not there at either address.
 * Xen:      the same.
 */
#include "tests/guests/framework/guest.h"

#define L1_SPAN (PAGE_SIZE * 512)

static void touch(void *p)
{
    *(volatile uint8_t *)p = 1;
}

static void check(struct scratch *s, uint32_t how, uint64_t named)
{
    char *window = scratch_va(s, 0), *alias = window + L1_SPAN;
    grant_handle_t handle;

    CHECK_EQ(grant_map(named, GNTMAP_host_map | how, GRANT_FIRST, own_domid(), &handle), GNTST_okay);
    CHECK_EQ(trap_vector_of(touch, alias), -1);
    CHECK_EQ(grant_unmap(named, handle), GNTST_okay);
    CHECK_EQ(trap_vector_of(touch, alias), VEC_PF);
    CHECK_EQ(trap_vector_of(touch, window), VEC_PF);
}

static void test(void)
{
    void *page = page_alloc();
    struct scratch s;

    scratch_link(&s, SCRATCH_SLOT);
    CHECK_EQ(pte_write(&s.l2[1], va_to_maddr(s.l1) | PTE_RWX), 0);
    grant_access(GRANT_FIRST, own_domid(), page, 0);
    check(&s, 0, (uint64_t)scratch_va(&s, 0));
    check(&s, GNTMAP_contains_pte, va_to_maddr(&s.l1[0]));
    CHECK(grant_end(GRANT_FIRST));
    CHECK_EQ(pte_write(&s.l2[1], 0), 0);
    scratch_unlink(&s);
    page_free(page);
}

GUEST_TEST(test);
