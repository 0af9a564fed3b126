/* SPDX-License-Identifier: MIT */
/*
 * evtchn_unbound: alloc_unbound and bind_interdomain, looped back to this domain.
 *
 * What:     both operations, their errors, delivery both ways, and closing either end.
 * Why:      the base of every split driver.
 * Method:   allocate a port for DOMID_SELF, bind to it, send from each end, close one end and look at
 *           the other.
 * Expected: ports are the lowest free ones; the peer of a closed end is unbound again and can be bound
 *           anew; -EINVAL for a port that is not unbound, -ESRCH for unknown domains. The remote domain
 *           of alloc_unbound need not exist yet.
 * Xen:      the same. Binding leaves the local end pending once (a lost-event guard).
 */
#include "tests/guests/framework/guest.h"

static void check_pair(evtchn_port_t a, evtchn_port_t b)
{
    struct evtchn_status status;

    CHECK_EQ(event_status(a, &status), 0);
    CHECK_EQ(status.status, EVTCHNSTAT_interdomain);
    CHECK_EQ(status.u.interdomain.dom, own_domid());
    CHECK_EQ(status.u.interdomain.port, b);
    event_clear(a);
    event_clear(b);
    CHECK_EQ(event_send(a), 0);
    CHECK(event_pending(b) && !event_pending(a));
    event_clear(b);
    CHECK_EQ(event_send(b), 0);
    CHECK(event_pending(a) && !event_pending(b));
    event_clear(a);
}

static void check_errors(evtchn_port_t bound)
{
    CHECK_EQ(event_alloc_unbound(0x7fef, DOMID_SELF), -XEN_ESRCH);
    CHECK_EQ(event_bind_interdomain(0x7fef, 1), -XEN_ESRCH);
    CHECK_EQ(event_bind_interdomain(DOMID_SELF, 0), -XEN_EINVAL);
    CHECK_EQ(event_bind_interdomain(DOMID_SELF, bound), -XEN_EINVAL);
    CHECK_EQ(event_bind_interdomain(DOMID_SELF, 4095), -XEN_EINVAL);
    CHECK_EQ(event_bind_interdomain(DOMID_SELF, ~0u), -XEN_EINVAL);
}

static void test(void)
{
    evtchn_port_t a = (evtchn_port_t)event_alloc_unbound(DOMID_SELF, DOMID_SELF), b;
    struct evtchn_status status;
    struct evtchn_bind_interdomain bind = { .remote_dom = DOMID_SELF, .remote_port = a };

    CHECK_EQ(event_status(a, &status), 0);
    CHECK_EQ(status.status, EVTCHNSTAT_unbound);
    CHECK_EQ(event_send(a), 0);
    CHECK(!event_pending(a));
    CHECK_EQ(hc_evtchn(EVTCHNOP_bind_interdomain, &bind), 0);
    b = bind.local_port;
    CHECK(event_pending(b));
    check_pair(a, b);
    check_errors(a);
    CHECK_EQ(event_close(b), 0);
    CHECK_EQ(event_status(a, &status), 0);
    CHECK_EQ(status.status, EVTCHNSTAT_unbound);
    CHECK_EQ(status.u.unbound.dom, own_domid());
    CHECK_EQ(event_status(b, &status), 0);
    CHECK_EQ(status.status, EVTCHNSTAT_closed);
    CHECK_EQ(event_bind_interdomain(DOMID_SELF, a), b);
    check_pair(b, a);
    CHECK_EQ(event_close(a), 0);
    CHECK_EQ(event_alloc_unbound(DOMID_SELF, 0x7fef), a);
    CHECK_EQ(event_bind_interdomain(DOMID_SELF, a), -XEN_EINVAL);
    CHECK_EQ(event_close(a), 0);
    CHECK_EQ(event_close(b), 0);
    CHECK_EQ(event_close(b), -XEN_EINVAL);
}

GUEST_TEST(test);
