/* SPDX-License-Identifier: MIT */
/*
 * domain_destroy_mapped: a domain that is destroyed while a frame of it is mapped.
 *
 * What:     the last reference to a domain is that of a mapping, and goes in an update of page tables.
 * Why:      the hypervisor then holds this domain's locks, under which it cannot take those that the end of
 *           another needs; the debug build's checks of locks see it.
 * Method:   a domain with one frame, mapped here; it is destroyed, and then the mapping's table is unlinked.
 * Expected: what was written can be read until then; afterwards the domain is gone.
 * Xen:      the same.
 */
#include "tests/guests/framework/guest.h"
#include "hvm_domain.h"

static void test(void)
{
    volatile uint64_t *frame;
    struct xen_domctl op;

    if (!is_initial_domain() || !hvm_domain_create(1, 1024)) {
        test_skip("only the initial domain may, where there are hardware guests");
        return;
    }
    hvm_domain_populate(0, 1, 0);
    frame = hvm_domain_map(0, 0);
    *frame = 0x600d;
    CHECK_EQ(hvm_domain_ctl(&op, XEN_DOMCTL_destroydomain), 0);
    CHECK_EQ(hvm_domain_ctl(&op, XEN_DOMCTL_getdomaininfo), 0);
    CHECK(op.u.getdomaininfo.flags & XEN_DOMINF_dying);
    CHECK_EQ(*frame, 0x600d);
    hvm_domain_unmap(0);
    hvm_domain_wait();
}

GUEST_TEST(test);
