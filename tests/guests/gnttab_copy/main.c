/* SPDX-License-Identifier: MIT */
/*
 * gnttab_copy: GNTTABOP_copy.
 *
 * What:     frame to grant, grant to frame, grant to grant; offsets, lengths, errors, batches.
 * Why:      netback moves every packet with it.
 * Method:   copy parts between pages; look at source and destination to the byte.
 * Expected: exactly the named bytes; bad_copy_arg for ranges that leave the page, both ends by frame are
 *           allowed only for this domain's own; permission errors change nothing.
 * Xen:      the same; an entry that permits nothing or only reading is GNTST_general_error.
 */
#include "tests/guests/framework/guest.h"

static uint8_t *from, *to;

static struct gnttab_copy make(uint16_t flags, uint16_t source, uint16_t dest, uint16_t len)
{
    struct gnttab_copy op = { .flags = flags, .len = len };

    op.source.offset = source;
    op.dest.offset = dest;
    op.source.domid = (flags & GNTCOPY_source_gref) ? own_domid() : DOMID_SELF;
    op.dest.domid = (flags & GNTCOPY_dest_gref) ? own_domid() : DOMID_SELF;
    if (flags & GNTCOPY_source_gref)
        op.source.u.ref = GRANT_FIRST;
    else
        op.source.u.gmfn = va_to_mfn(from);
    if (flags & GNTCOPY_dest_gref)
        op.dest.u.ref = GRANT_FIRST + 1;
    else
        op.dest.u.gmfn = va_to_mfn(to);
    return op;
}

static int run(struct gnttab_copy op)
{
    CHECK_EQ(hc_grant(GNTTABOP_copy, &op, 1), 0);
    return op.status;
}

static void check_good(uint16_t flags)
{
    memset(to, 0xee, PAGE_SIZE);
    CHECK_EQ(run(make(flags, 100, 200, 300)), GNTST_okay);
    CHECK_EQ(to[199], 0xee);
    CHECK(!memcmp(&to[200], &from[100], 300));
    CHECK_EQ(to[500], 0xee);
    CHECK_EQ(run(make(flags, 0, 0, PAGE_SIZE)), GNTST_okay);
    CHECK(!memcmp(to, from, PAGE_SIZE));
    CHECK_EQ(run(make(flags, 0, 0, 0)), GNTST_okay);
}

static void check_bad(void)
{
    struct gnttab_copy op;

    memset(to, 0xee, PAGE_SIZE);
    CHECK_EQ(run(make(GNTCOPY_source_gref, 4000, 0, 97)), GNTST_bad_copy_arg);
    CHECK_EQ(run(make(GNTCOPY_source_gref, 0, 4095, 2)), GNTST_bad_copy_arg);
    CHECK_EQ(run(make(GNTCOPY_source_gref, 4097, 0, 0)), GNTST_bad_copy_arg);
    op = make(GNTCOPY_source_gref, 0, 0, 16);
    op.source.u.ref = GRANT_FIRST + 5;
    CHECK_EQ(run(op), GNTST_general_error);
    op = make(GNTCOPY_source_gref, 0, 0, 16);
    op.source.domid = 0x7fef;
    CHECK_EQ(run(op), GNTST_bad_domain);
    op = make(GNTCOPY_dest_gref, 0, 0, 16);
    op.dest.u.ref = GRANT_FIRST + 2;
    CHECK_EQ(run(op), GNTST_general_error);
    op = make(0, 0, 0, 16);
    op.dest.u.gmfn = 0x7ffffff;
    CHECK(run(op) < 0);
    for (unsigned int i = 0; i < PAGE_SIZE; i++)
        if (to[i] != 0xee) {
            test_failure("byte %u changed", i);
            break;
        }
}

static void check_table_destination(void)
{
    struct gnttab_copy op = make(0, 0, 0, 16);
    uint64_t *table = page_alloc();

    CHECK_EQ(table_pin(table, 1), 0);
    op.dest.u.gmfn = va_to_mfn(table);
    CHECK(run(op) < 0);
    CHECK_EQ(table[0], 0);
    CHECK_EQ(table_unpin(table), 0);
    page_free(table);
}

static void test(void)
{
    static const uint16_t flags[] = { 0, GNTCOPY_source_gref, GNTCOPY_dest_gref,
                                      GNTCOPY_source_gref | GNTCOPY_dest_gref };

    from = page_alloc();
    to = page_alloc();
    for (unsigned int i = 0; i < PAGE_SIZE; i++)
        from[i] = (uint8_t)(i * 7 + i / 256);
    grant_access(GRANT_FIRST, own_domid(), from, GTF_readonly);
    grant_access(GRANT_FIRST + 1, own_domid(), to, 0);
    grant_access(GRANT_FIRST + 2, own_domid(), to, GTF_readonly);
    for (unsigned int i = 0; i < 4; i++)
        check_good(flags[i]);
    check_bad();
    check_table_destination();
    for (unsigned int i = 0; i < 3; i++)
        CHECK(grant_end(GRANT_FIRST + i));
    page_free(from);
    page_free(to);
}

GUEST_TEST(test);
