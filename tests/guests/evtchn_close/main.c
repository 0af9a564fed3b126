/* SPDX-License-Identifier: MIT */
/*
 * evtchn_close: closing, and the state of a closed port.
 *
 * What:     close of every kind, of port 0, of closed and impossible ports; send, status and unmask on
 *           them.
 * Why:      guests close what they do not know.
 * Method:   call and compare; the pending bit of a closed port must be gone, its mask bit as it
 *           was.
 * Expected: -EINVAL for closed ports, for 0 and beyond the table; status of a closed port says closed;
 *           unmask of one does nothing.
 * Xen:      the same.
 */
#include "tests/guests/framework/guest.h"

static void check_dead(evtchn_port_t port, long send, long close)
{
    if (event_send(port) != send)
        test_failure("send(%u) is %ld", port, event_send(port));
    if (event_close(port) != close)
        test_failure("close(%u) is %ld", port, event_close(port));
}

/* Nobody keeps the ABI's tables for a port that is closed: it is not to be looked up in them. */
static void check_unmask_closed(evtchn_port_t port)
{
    struct evtchn_unmask unmask = { .port = port };

    event_mask(port);
    CHECK_EQ(hc_evtchn(EVTCHNOP_unmask, &unmask), 0);
    CHECK(shared_info->evtchn_mask[port / 64] & 1ul << port % 64);
}

static void test(void)
{
    long port = event_bind_ipi(0);
    struct evtchn_status status;
    struct evtchn_unmask unmask = { .port = 4096 };

    CHECK_EQ(event_send((evtchn_port_t)port), 0);
    CHECK(event_pending((evtchn_port_t)port));
    CHECK_EQ(event_close((evtchn_port_t)port), 0);
    CHECK(!event_pending((evtchn_port_t)port));
    check_dead((evtchn_port_t)port, -XEN_EINVAL, -XEN_EINVAL);
    check_unmask_closed((evtchn_port_t)port);
    check_dead(0, -XEN_EINVAL, -XEN_EINVAL);
    check_dead(4095, -XEN_EINVAL, -XEN_EINVAL);
    check_dead(4096, -XEN_EINVAL, -XEN_EINVAL);
    check_dead(~0u, -XEN_EINVAL, -XEN_EINVAL);
    CHECK_EQ(event_status(0, &status), 0);
    CHECK_EQ(status.status, EVTCHNSTAT_closed);
    CHECK_EQ(event_status((evtchn_port_t)port, &status), 0);
    CHECK_EQ(status.status, EVTCHNSTAT_closed);
    CHECK_EQ(event_status(0x20000, &status), -XEN_EINVAL);
    status.dom = 0x7fef;
    status.port = 1;
    CHECK_EQ(hc_evtchn(EVTCHNOP_status, &status), -XEN_ESRCH);
    CHECK_EQ(hc_evtchn(EVTCHNOP_unmask, &unmask), -XEN_EINVAL);
    unmask.port = ~0u;
    CHECK_EQ(hc_evtchn(EVTCHNOP_unmask, &unmask), -XEN_EINVAL);
}

GUEST_TEST(test);
