/* SPDX-License-Identifier: MIT */
/*
 * smp_event_storm: events between vCPUs lose nothing.
 *
 * What:     IPI ports from every vCPU to vCPU 0 and back, with block and upcalls.
 * Why:      a lost wake-up is a hang.
 * Method:   ping-pong with blocking waits, then senders that storm one port while the receiver masks and
 *           unmasks.
 * Expected: every ping is answered; after the storm the last event has been seen.
 * Xen:      the same.
 */
#include "tests/guests/framework/guest.h"

#define ROUNDS 2000u

static evtchn_port_t ping, pong;
static volatile unsigned long sent, received;
static volatile bool done;

static void wait_for(evtchn_port_t port)
{
    event_disable();
    while (!event_counts[port]) {
        event_block();
        event_disable();
    }
    event_counts[port] = 0;
}

static void responder(void *unused)
{
    (void)unused;
    for (unsigned int i = 0; i < ROUNDS; i++) {
        wait_for(ping);
        event_send(pong);
    }
    event_disable();
}

static void stormer(void *unused)
{
    (void)unused;
    for (unsigned int i = 0; i < ROUNDS; i++) {
        __atomic_fetch_add(&sent, 1, __ATOMIC_SEQ_CST);
        event_send(pong);
    }
    done = true;
}

static bool on_upcall(struct cpu_regs *regs)
{
    (void)regs;
    /* Take the events first: what is sent after that comes with an upcall of its own. */
    event_upcall();
    received = sent;
    return true;
}

static void check_storm(void)
{
    uint64_t deadline;

    trap_hook(TRAP_UPCALL, on_upcall);
    received = 0;
    smp_start(1, stormer, NULL);
    while (!done) {
        event_enable();
        event_disable();
        event_mask(pong);
        event_unmask(pong);
    }
    smp_wait(1);
    event_enable();
    for (deadline = clock_now() + 1000 * MS; received != sent && clock_now() < deadline;)
        hc_sched(SCHEDOP_yield, 0);
    CHECK_EQ(received, sent);
    event_disable();
}

static void test(void)
{
    if (smp_count() < 2) {
        test_skip("one vCPU");
        return;
    }
    ping = (evtchn_port_t)event_bind_ipi(1);
    pong = (evtchn_port_t)event_bind_ipi(0);
    event_reset_counts();
    event_unmask(ping);
    event_unmask(pong);
    smp_start(1, responder, NULL);
    for (unsigned int i = 0; i < ROUNDS; i++) {
        event_send(ping);
        wait_for(pong);
    }
    smp_wait(1);
    CHECK_EQ(event_counts[ping], 0);
    check_storm();
    event_close(ping);
    event_close(pong);
}

GUEST_TEST(test);
