/* SPDX-License-Identifier: MIT */
/*
 * timer_periodic: the vCPU's periodic timer.
 *
 * What:     VCPUOP_set_periodic_timer and stop.
 * Why:      it exists in the ABI and starts stopped.
 * Method:   refuse periods below a millisecond; run at 2 ms for some events; stop.
 * Expected: -EINVAL below 1 ms; the events come, not faster than the period; none after stop.
 * Xen:      the same; the timer only runs while the vCPU does: a blocked one gets no ticks.
 */
#include "tests/guests/framework/guest.h"

#define EVENTS 5u

/* Events until there are `most`, or until the deadline; looks once at least. */
static unsigned int count_until(evtchn_port_t port, unsigned int most, uint64_t deadline)
{
    unsigned int count = 0;

    do {
        if (event_pending(port)) {
            count++;
            event_clear(port);
        }
        hc_sched(SCHEDOP_yield, 0);
    } while (count < most && clock_now() < deadline);
    return count;
}

static void test(void)
{
    struct vcpu_set_periodic_timer op = { .period_ns = MS / 2 };
    evtchn_port_t port = (evtchn_port_t)event_bind_virq(VIRQ_TIMER, 0);
    uint64_t begin;

    CHECK_EQ(hc_vcpu(VCPUOP_set_periodic_timer, 0, &op), -XEN_EINVAL);
    op.period_ns = 1ul << 62;
    CHECK_EQ(hc_vcpu(VCPUOP_set_periodic_timer, 0, &op), -XEN_EINVAL);
    op.period_ns = 2 * MS;
    CHECK_EQ(hc_vcpu(VCPUOP_set_periodic_timer, 4000, &op), -XEN_ENOENT);
    begin = clock_now();
    CHECK_EQ(hc_vcpu(VCPUOP_set_periodic_timer, 0, &op), 0);
    CHECK_EQ(count_until(port, EVENTS, begin + 10000 * MS), EVENTS);
    if (clock_now() - begin < (EVENTS - 1) * 2 * MS)
        test_failure("%u events in %lu ns", EVENTS, clock_now() - begin);
    CHECK_EQ(hc_vcpu(VCPUOP_stop_periodic_timer, 0, 0), 0);
    /* One may be under way on another CPU. */
    count_until(port, 2, clock_now() + 20 * MS);
    CHECK_EQ(count_until(port, 1, clock_now() + 10 * MS), 0);
    event_close(port);
}

GUEST_TEST(test);
