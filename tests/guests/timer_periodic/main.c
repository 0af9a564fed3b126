/* SPDX-License-Identifier: MIT */
/*
 * timer_periodic: the vCPU's periodic timer.
 *
 * What:     VCPUOP_set_periodic_timer and stop.
 * Why:      it exists in the ABI and starts stopped.
 * Method:   refuse periods below a millisecond; run at 2 ms for a while; stop.
 * Expected: -EINVAL below 1 ms; several events in 40 ms, none after stop.
 * Xen:      the same; the timer only runs while the vCPU does: a blocked one gets no ticks.
 */
#include "tests/guests/framework/guest.h"

static unsigned int count_until(evtchn_port_t port, uint64_t deadline)
{
    unsigned int count = 0;

    while (clock_now() < deadline) {
        if (event_pending(port)) {
            count++;
            event_clear(port);
        }
        hc_sched(SCHEDOP_yield, 0);
    }
    return count;
}

static void test(void)
{
    struct vcpu_set_periodic_timer op = { .period_ns = MS / 2 };
    evtchn_port_t port = (evtchn_port_t)event_bind_virq(VIRQ_TIMER, 0);
    unsigned int count;

    CHECK_EQ(hc_vcpu(VCPUOP_set_periodic_timer, 0, &op), -XEN_EINVAL);
    op.period_ns = 1ul << 62;
    CHECK_EQ(hc_vcpu(VCPUOP_set_periodic_timer, 0, &op), -XEN_EINVAL);
    op.period_ns = 2 * MS;
    CHECK_EQ(hc_vcpu(VCPUOP_set_periodic_timer, 4000, &op), -XEN_ENOENT);
    CHECK_EQ(hc_vcpu(VCPUOP_set_periodic_timer, 0, &op), 0);
    count = count_until(port, clock_now() + 40 * MS);
    if (count < 3 || count > 25)
        test_failure("%u events in 40 ms", count);
    CHECK_EQ(hc_vcpu(VCPUOP_stop_periodic_timer, 0, 0), 0);
    /* One may be under way on another CPU. */
    count_until(port, clock_now() + 2 * MS);
    CHECK_EQ(count_until(port, clock_now() + 10 * MS), 0);
    event_close(port);
}

GUEST_TEST(test);
