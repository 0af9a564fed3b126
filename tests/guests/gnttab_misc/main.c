/* SPDX-License-Identifier: MIT */
/*
 * gnttab_misc: swap, cache flush, transfer, dump, set_version, status frames.
 *
 * What:     the rarely used operations, mostly their errors.
 * Why:      they are reachable by every guest.
 * Method:   call with good and bad arguments.
 * Expected: swap exchanges two idle entries and refuses a busy one; set_version refuses unknown versions
 *           (-EINVAL) and reports the current one; status frames are an error for v1.
 * Xen:      the same. Version 2 may be refused (-ENOSYS or -EINVAL); transfer to a domain that does not
 *           exist is bad_domain. What works on machine frames a hardware guest does not have: -ENOSYS.
 */
#include "tests/guests/framework/guest.h"
#include "guest_arch.h"

static void check_swap(void *a, void *b)
{
    struct gnttab_swap_grant_ref op = { .ref_a = GRANT_FIRST, .ref_b = GRANT_FIRST + 1 };

    grant_access(GRANT_FIRST, own_domid(), a, 0);
    grant_access(GRANT_FIRST + 1, own_domid(), b, GTF_readonly);
    CHECK_EQ(hc_grant(GNTTABOP_swap_grant_ref, &op, 1), 0);
    CHECK_EQ(op.status, GNTST_okay);
    CHECK_EQ(grant_table()[GRANT_FIRST].frame, va_to_mfn(b));
    CHECK_EQ(grant_table()[GRANT_FIRST].flags, GTF_permit_access | GTF_readonly);
    CHECK_EQ(grant_table()[GRANT_FIRST + 1].frame, va_to_mfn(a));
    op.ref_b = 0x7fffffff;
    CHECK_EQ(hc_grant(GNTTABOP_swap_grant_ref, &op, 1), 0);
    CHECK_EQ(op.status, GNTST_bad_gntref);
    CHECK(grant_end(GRANT_FIRST) && grant_end(GRANT_FIRST + 1));
}

static void check_version(void)
{
    struct gnttab_set_version op = { .version = 3 };

    CHECK_EQ(hc_grant(GNTTABOP_set_version, &op, 1), -XEN_EINVAL);
    CHECK_EQ(op.version, 1);
    op.version = 0;
    CHECK_EQ(hc_grant(GNTTABOP_set_version, &op, 1), -XEN_EINVAL);
    op.version = 1;
    CHECK_EQ(hc_grant(GNTTABOP_set_version, &op, 1), 0);
    CHECK_EQ(op.version, 1);
}

static void check_status_frames(void)
{
    uint64_t frame;
    struct gnttab_get_status_frames op = { .nr_frames = 1, .dom = DOMID_SELF };

    set_xen_guest_handle(op.frame_list, &frame);
    if (ARCH_TRANSLATED) {
        CHECK_EQ(hc_grant(GNTTABOP_get_status_frames, &op, 1), -XEN_ENOSYS);
        return;
    }
    CHECK_EQ(hc_grant(GNTTABOP_get_status_frames, &op, 1), 0);
    CHECK_EQ(op.status, GNTST_general_error);
}

static void check_transfer(void *page)
{
    struct gnttab_transfer op = { .mfn = va_to_mfn(page), .domid = 0x7fef, .ref = GRANT_FIRST };

    if (ARCH_TRANSLATED) {
        CHECK_EQ(hc_grant(GNTTABOP_transfer, &op, 1), -XEN_ENOSYS);
        return;
    }
    CHECK_EQ(hc_grant(GNTTABOP_transfer, &op, 1), 0);
    CHECK(op.status < 0);
    op.mfn = 0x7ffffff;
    CHECK_EQ(hc_grant(GNTTABOP_transfer, &op, 1), 0);
    CHECK_EQ(op.status, GNTST_bad_page);
}

static void check_cache_flush(void *page)
{
    struct gnttab_cache_flush op = { .length = 64, .op = GNTTAB_CACHE_CLEAN };
    long ret;

    op.a.dev_bus_addr = va_to_maddr(page);
    ret = hc_grant(GNTTABOP_cache_flush, &op, 1);
    if (ARCH_TRANSLATED) {
        CHECK_EQ(ret, -XEN_ENOSYS);
        return;
    }
    CHECK(ret == 0 || ret == -XEN_EOPNOTSUPP);
    op.length = 5000;
    ret = hc_grant(GNTTABOP_cache_flush, &op, 1);
    CHECK(ret == -XEN_EINVAL || ret == -XEN_EOPNOTSUPP);
}

static void test(void)
{
    void *a = page_alloc(), *b = page_alloc();

    check_swap(a, b);
    check_version();
    check_status_frames();
    check_transfer(a);
    check_cache_flush(a);
    page_free(a);
    page_free(b);
}

GUEST_TEST(test);
