/* SPDX-License-Identifier: MIT */
/*
 * sched_poll: SCHEDOP_poll.
 *
 * What:     polling pending, masked and idle ports, timeouts, bad ports, too many ports.
 * Why:      Linux' spinlocks and xenbus waits poll with upcalls masked.
 * Method:   poll with the event pending (masked or not): returns at once; with a timeout in the past and
 *           in the future.
 * Expected: 0 in all good cases; -EINVAL for port numbers out of range and more than 128 ports. The
 *           timeout is absolute.
 * Xen:      the same.
 */
#include "tests/guests/framework/guest.h"

static long poll_ports(evtchn_port_t *ports, unsigned int count, uint64_t timeout)
{
    struct sched_poll poll = { .nr_ports = count, .timeout = timeout };

    set_xen_guest_handle(poll.ports, ports);
    return hc_sched(SCHEDOP_poll, &poll);
}

static void test(void)
{
    evtchn_port_t ports[130] = { 0 };
    uint64_t before, after;

    ports[0] = (evtchn_port_t)event_bind_ipi(0);
    ports[1] = (evtchn_port_t)event_bind_ipi(0);
    before = clock_now();
    CHECK_EQ(poll_ports(ports, 2, before + 20 * MS), 0);
    after = clock_now();
    CHECK(after + CLOCK_SLACK >= before + 20 * MS);
    CHECK_EQ(event_send(ports[1]), 0);
    CHECK_EQ(poll_ports(ports, 2, 0), 0);
    event_clear(ports[1]);
    CHECK_EQ(poll_ports(ports, 1, 1), 0);
    ports[1] = 0x7fffffff;
    CHECK_EQ(poll_ports(ports, 2, 1), -XEN_EINVAL);
    CHECK_EQ(poll_ports(ports, 129, 1), -XEN_EINVAL);
    CHECK_EQ(poll_ports((evtchn_port_t *)0xffff800000000000, 1, 1), -XEN_EFAULT);
    before = clock_now();
    CHECK_EQ(poll_ports(ports, 0, before + 5 * MS), 0);
    CHECK(clock_now() + CLOCK_SLACK >= before + 5 * MS);
    event_close(ports[0]);
    event_close(ports[0] + 1);
}

GUEST_TEST(test);
