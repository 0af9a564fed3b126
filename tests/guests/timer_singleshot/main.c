/* SPDX-License-Identifier: MIT */
/*
 * timer_singleshot: the vCPU's single-shot timer.
 *
 * What:     VCPUOP_set_singleshot_timer, stop, VCPU_SSHOTTMR_future, set_timer_op.
 * Why:      Linux' clock event device.
 * Method:   arm in the future and in the past; count VIRQ_TIMER; stop before it fires.
 * Expected: fires once, not early; a past deadline fires at once, with the future flag too (4.17 ignores
 *           it); a stopped one does not fire; 0 in set_timer_op cancels; only the own vCPU (-EINVAL).
 * Xen:      the same.
 */
#include "tests/guests/framework/guest.h"

static evtchn_port_t port;

static long singleshot(uint64_t ns, uint32_t flags)
{
    struct vcpu_set_singleshot_timer op = { .timeout_abs_ns = ns, .flags = flags };

    return hc_vcpu(VCPUOP_set_singleshot_timer, 0, &op);
}

/* Waits by polling for the port; returns whether it came before the deadline. */
static bool fired_until(uint64_t deadline)
{
    struct sched_poll poll = { .nr_ports = 1, .timeout = deadline };
    bool fired;

    set_xen_guest_handle(poll.ports, &port);
    while (!event_pending(port) && clock_now() < deadline)
        hc_sched(SCHEDOP_poll, &poll);
    fired = event_pending(port);
    event_clear(port);
    return fired;
}

static void test(void)
{
    struct vcpu_set_singleshot_timer op = { .timeout_abs_ns = 1 };
    uint64_t at;

    port = (evtchn_port_t)event_bind_virq(VIRQ_TIMER, 0);
    CHECK_EQ(hc_vcpu(VCPUOP_stop_periodic_timer, 0, 0), 0);
    at = clock_now() + 10 * MS;
    CHECK_EQ(singleshot(at, 0), 0);
    CHECK(fired_until(at + 1000 * MS));
    CHECK(clock_now() + CLOCK_SLACK >= at);
    CHECK(!fired_until(clock_now() + 5 * MS));
    CHECK_EQ(singleshot(clock_now() - MS, 0), 0);
    CHECK(fired_until(clock_now() + 1000 * MS));
    CHECK_EQ(singleshot(1, VCPU_SSHOTTMR_future), 0);
    CHECK(fired_until(clock_now() + 1000 * MS));
    /* Far enough ahead that a host under load stops it in time. */
    CHECK_EQ(singleshot(clock_now() + 200 * MS, 0), 0);
    CHECK_EQ(hc_vcpu(VCPUOP_stop_singleshot_timer, 0, 0), 0);
    CHECK(!fired_until(clock_now() + 300 * MS));
    CHECK_EQ(hc_set_timer(clock_now() + 5 * MS), 0);
    CHECK(fired_until(clock_now() + 1000 * MS));
    CHECK_EQ(hc_set_timer(clock_now() + 200 * MS), 0);
    CHECK_EQ(hc_set_timer(0), 0);
    CHECK(!fired_until(clock_now() + 300 * MS));
    if (smp_count() > 1) {
        CHECK_EQ(hc_vcpu(VCPUOP_set_singleshot_timer, 1, &op), -XEN_EINVAL);
        CHECK_EQ(hc_vcpu(VCPUOP_stop_singleshot_timer, 1, 0), -XEN_EINVAL);
    }
    event_close(port);
}

GUEST_TEST(test);
