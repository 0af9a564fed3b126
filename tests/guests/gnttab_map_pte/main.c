/* SPDX-License-Identifier: MIT */
/*
 * gnttab_map_pte: GNTMAP_contains_pte, and unmap_and_replace.
 *
 * What:     a map that names the PTE by its machine address; a replacement of the mapping by another
 *           VA's.
 * Why:      Linux' gntdev maps into user space that way; unmap_and_replace restores the page that was
 *           there before.
 * Method:   map by PTE, check contents and flags, unmap; map by address, then unmap_and_replace with a
 *           second mapping.
 * Expected: as by address; the replaced window shows the other page, whose old window is gone. A PTE
 *           address in a page that is no L1 is an error.
 * Xen:      the same.
 */
#include "tests/guests/framework/guest.h"

static void look(void *p)
{
    (void)*(volatile uint8_t *)p;
}

static void check_pte(struct scratch *s, uint64_t *page)
{
    grant_handle_t handle;
    uint32_t flags = GNTMAP_host_map | GNTMAP_contains_pte;

    CHECK_EQ(grant_map(va_to_maddr(&s->l1[5]), flags, GRANT_FIRST, own_domid(), &handle), GNTST_okay);
    *(volatile uint64_t *)scratch_va(s, 5) = 77;
    CHECK_EQ(*(volatile uint64_t *)page, 77);
    CHECK_EQ(grant_unmap(va_to_maddr(&s->l1[5]), handle), GNTST_okay);
    CHECK_EQ(trap_vector_of(look, scratch_va(s, 5)), VEC_PF);
    CHECK_EQ(grant_map(va_to_maddr(&page[5]), flags, GRANT_FIRST, own_domid(), &handle), GNTST_general_error);
    CHECK_EQ(grant_map(va_to_maddr(&s->l2[5]), flags, GRANT_FIRST, own_domid(), &handle),
             GNTST_general_error);
    CHECK_EQ(page[5], 0);
}

static void check_replace(struct scratch *s, uint64_t *other)
{
    struct gnttab_unmap_and_replace op = { .host_addr = (uint64_t)scratch_va(s, 1),
                                           .new_addr = (uint64_t)scratch_va(s, 2) };

    other[0] = 0xabcd;
    CHECK_EQ(grant_map(op.host_addr, GNTMAP_host_map, GRANT_FIRST, own_domid(), &op.handle), GNTST_okay);
    CHECK_EQ(pte_write(&s->l1[2], va_to_maddr(other) | PTE_RWX), 0);
    CHECK_EQ(hc_grant(GNTTABOP_unmap_and_replace, &op, 1), 0);
    CHECK_EQ(op.status, GNTST_okay);
    CHECK_EQ(*(volatile uint64_t *)scratch_va(s, 1), 0xabcd);
    CHECK_EQ(trap_vector_of(look, scratch_va(s, 2)), VEC_PF);
    CHECK_EQ(pte_write(&s->l1[1], 0), 0);
    CHECK_EQ(grant_table()[GRANT_FIRST].flags & (GTF_reading | GTF_writing), 0);
    CHECK_EQ(hc_grant(GNTTABOP_unmap_and_replace, &op, 1), 0);
    CHECK_EQ(op.status, GNTST_bad_handle);
}

static void test(void)
{
    uint64_t *page = page_alloc(), *other = page_alloc();
    struct scratch s;

    scratch_link(&s, SCRATCH_SLOT);
    grant_access(GRANT_FIRST, own_domid(), page, 0);
    check_pte(&s, page);
    check_replace(&s, other);
    CHECK(grant_end(GRANT_FIRST));
    scratch_unlink(&s);
    page_free(page);
    page_free(other);
}

GUEST_TEST(test);
