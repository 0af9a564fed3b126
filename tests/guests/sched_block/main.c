/* SPDX-License-Identifier: MIT */
/*
 * sched_block: SCHEDOP_block, and what stands for it in a hardware guest.
 *
 * What:     blocking with an event pending, and until a timer fires.
 * Why:      the idle loop. A wake-up lost between the guest's last look and the block is a hang.
 * Method:   block with the mask closed and an event pending; block with only a timer armed. A hardware guest
 *           opens its own interrupt flag and halts.
 * Expected: the call opens the mask by itself, returns at once when something is pending, else sleeps
 *           until the event; the upcall has run by the time it returns.
 * Xen:      the same.
 */
#include "tests/guests/framework/guest.h"
#include "guest_arch.h"

static void block(void)
{
    if (ARCH_TRANSLATED)
        event_block();
    else
        CHECK_EQ(hc_sched(SCHEDOP_block, 0), 0);
    CHECK(event_enabled());
}

static void test(void)
{
    evtchn_port_t port = (evtchn_port_t)event_bind_ipi(0),
                  timer = (evtchn_port_t)event_bind_virq(VIRQ_TIMER, 0);
    uint64_t before;

    event_reset_counts();
    event_unmask(port);
    event_unmask(timer);
    for (unsigned int i = 1; i <= 10; i++) {
        event_disable();
        CHECK_EQ(event_send(port), 0);
        block();
        CHECK_EQ(event_counts[port], i);
    }
    event_disable();
    event_reset_counts();
    before = clock_now();
    CHECK_EQ(hc_set_timer(before + 20 * MS), 0);
    while (!event_counts[timer]) {
        event_disable();
        if (!event_counts[timer])
            block();
    }
    CHECK(clock_now() + CLOCK_SLACK >= before + 20 * MS);
    event_disable();
    event_close(timer);
    event_close(port);
}

GUEST_TEST(test);
