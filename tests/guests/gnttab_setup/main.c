/* SPDX-License-Identifier: MIT */
/*
 * gnttab_setup: query_size, setup_table, get_version and their errors.
 *
 * What:     the size negotiation of the grant table.
 * Why:      Linux treats an unexpected error of setup_table as a bug.
 * Method:   query, set up one and two frames, too many, other domains.
 * Expected: nr_frames <= max_nr_frames; the frames are mappable; -status bad_domain for domains that do
 *           not exist, general error for too many frames.
 * Xen:      the same.
 */
#include "tests/guests/framework/guest.h"

static void check_query(void)
{
    struct gnttab_query_size query = { .dom = DOMID_SELF };

    CHECK_EQ(hc_grant(GNTTABOP_query_size, &query, 1), 0);
    CHECK_EQ(query.status, GNTST_okay);
    CHECK(query.nr_frames >= 1 && query.nr_frames <= query.max_nr_frames);
    query.dom = 0x7fef;
    CHECK_EQ(hc_grant(GNTTABOP_query_size, &query, 1), 0);
    CHECK_EQ(query.status, GNTST_bad_domain);
    CHECK_EQ(hc_grant(GNTTABOP_query_size, &query, 2), -XEN_EINVAL);
    CHECK_EQ(hc_grant(GNTTABOP_query_size, &query, 0), -XEN_EINVAL);
}

static void check_setup(void)
{
    xen_pfn_t frames[2] = { 0, 0 };
    struct gnttab_setup_table setup = { .dom = DOMID_SELF, .nr_frames = 2 };

    set_xen_guest_handle(setup.frame_list, frames);
    CHECK_EQ(hc_grant(GNTTABOP_setup_table, &setup, 1), 0);
    CHECK_EQ(setup.status, GNTST_okay);
    CHECK(frames[0] && frames[1] && frames[0] != frames[1]);
    setup.nr_frames = 100000;
    CHECK_EQ(hc_grant(GNTTABOP_setup_table, &setup, 1), 0);
    CHECK_EQ(setup.status, GNTST_general_error);
    setup.nr_frames = 1;
    setup.dom = 0x7fef;
    CHECK_EQ(hc_grant(GNTTABOP_setup_table, &setup, 1), 0);
    CHECK_EQ(setup.status, GNTST_bad_domain);
    CHECK_EQ(hc_grant(GNTTABOP_setup_table, &setup, 2), -XEN_EINVAL);
}

static void test(void)
{
    struct gnttab_get_version version = { .dom = DOMID_SELF };

    check_query();
    check_setup();
    CHECK_EQ(hc_grant(GNTTABOP_get_version, &version, 1), 0);
    CHECK_EQ(version.version, 1);
    version.dom = 0x7fef;
    CHECK_EQ(hc_grant(GNTTABOP_get_version, &version, 1), -XEN_ESRCH);
    CHECK(grant_table());
}

GUEST_TEST(test);
