/* SPDX-License-Identifier: MIT */
/* Two vCPUs on one CPU: context switches by yield, and an event ping-pong in which both block. */
#include "tests/bench/guest/bench.h"
#include "tests/guests/framework/guest.h"

#define ROUNDS 1000u

static volatile bool stop;
static volatile unsigned long turns;
static evtchn_port_t ports[2];
static uint64_t *peer_l4;

static void yield_peer(void *unused)
{
    (void)unused;
    /* Tables of its own, so that a switch is one between address spaces. */
    mmuext(MMUEXT_NEW_BASEPTR, va_to_mfn(peer_l4), 0);
    while (!stop) {
        turns++;
        page_call(__HYPERVISOR_sched_op, SCHEDOP_yield, 0, 0, 0);
    }
    mmuext(MMUEXT_NEW_BASEPTR, l4_mfn(), 0);
}

static void bench_yield_switch(void)
{
    uint64_t start;
    unsigned long before;

    peer_l4 = page_alloc();
    for (unsigned int i = 0; i < 512; i++)
        if (i < 256 || i > 271)
            peer_l4[i] = l4_table()[i];
    table_pin(peer_l4, 4);
    stop = false;
    smp_start(1, yield_peer, NULL);
    while (turns < 10)
        page_call(__HYPERVISOR_sched_op, SCHEDOP_yield, 0, 0, 0);
    before = turns;
    start = bench_tsc();
    while (turns < before + ROUNDS)
        page_call(__HYPERVISOR_sched_op, SCHEDOP_yield, 0, 0, 0);
    /* One turn of the peer is a switch there and a switch back. */
    bench_report("vcpu_switch", (bench_tsc() - start) / (2 * ROUNDS));
    stop = true;
    smp_wait(1);
    table_unpin(peer_l4);
    page_free(peer_l4);
}

static void wait_for(evtchn_port_t port)
{
    while (!event_counts[port]) {
        event_disable();
        if (event_counts[port])
            break;
        page_call(__HYPERVISOR_sched_op, SCHEDOP_block, 0, 0, 0);
    }
    event_counts[port] = 0;
}

static void pong(void *rounds)
{
    for (uint64_t i = 0; i < (uint64_t)rounds + 10; i++) {
        wait_for(ports[1]);
        event_send(ports[0]);
    }
    event_disable();
}

static void bench_ping_pong(bool two_cpus)
{
    uint64_t rounds = two_cpus ? ROUNDS / 10 : ROUNDS;
    uint64_t start = 0, start_ns = 0;

    ports[0] = (evtchn_port_t)event_bind_ipi(0);
    ports[1] = (evtchn_port_t)event_bind_ipi(1);
    event_reset_counts();
    event_unmask(ports[0]);
    event_unmask(ports[1]);
    smp_start(1, pong, (void *)rounds);
    for (unsigned int i = 0; i < rounds + 10; i++) {
        if (i == 10) {
            start_ns = clock_now();
            start = bench_tsc();
        }
        event_send(ports[1]);
        wait_for(ports[0]);
    }
    if (two_cpus)
        bench_report_ns("event_ping_pong_2cpus", (clock_now() - start_ns) / rounds);
    else
        bench_report("event_ping_pong", (bench_tsc() - start) / rounds);
    event_disable();
    smp_wait(1);
    event_close(ports[0]);
    event_close(ports[1]);
}

void bench_switches(bool two_cpus)
{
    if (smp_count() < 2)
        return;
    if (!two_cpus)
        bench_yield_switch();
    bench_ping_pong(two_cpus);
}
