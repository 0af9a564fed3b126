/* SPDX-License-Identifier: MIT */
/*
 * evtchn_limits: as many ports as there are, and reset.
 *
 * What:     allocation until it fails, EVTCHNOP_reset, reuse.
 * Why:      4095 ports is the 2-level ABI's limit; reset must find them all.
 * Method:   allocate unbound ports until an error; reset; count.
 * Expected: the last allocation fails with -ENOSPC after port 4095 at most; reset closes every port of
 *           this domain; -ESRCH for a domain that does not exist.
 * Xen:      the same; the toolstack's max_evtchn_port may end it earlier, with -ENOSPC too.
 */
#include "tests/guests/framework/guest.h"

static void test(void)
{
    struct evtchn_reset reset = { .dom = DOMID_SELF };
    long port, last = 0;
    unsigned int count = 0;

    if (!console_close_port()) {
        test_skip("this domain has ports that a reset would close");
        return;
    }
    while ((port = event_alloc_unbound(DOMID_SELF, DOMID_SELF)) > 0) {
        last = port;
        count++;
    }
    CHECK_EQ(port, -XEN_ENOSPC);
    CHECK(last <= 4095 && count == last);
    CHECK_EQ(event_count_open(4096), count);
    CHECK_EQ(event_bind_ipi(0), -XEN_ENOSPC);
    CHECK_EQ(hc_evtchn(EVTCHNOP_reset, &reset), 0);
    CHECK_EQ(event_count_open(4096), 0);
    CHECK_EQ(event_alloc_unbound(DOMID_SELF, DOMID_SELF), 1);
    CHECK_EQ(event_close(1), 0);
    reset.dom = 0x7fef;
    CHECK_EQ(hc_evtchn(EVTCHNOP_reset, &reset), -XEN_ESRCH);
    CHECK(console_reopen_port());
}

GUEST_TEST(test);
