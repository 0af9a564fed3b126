/* SPDX-License-Identifier: MIT */
/*
 * hostile_races: every hypercall from several vCPUs at once, with arguments that change while they are read.
 *
 * What:     each call that does not end this domain by design, with each sub-operation; lists and structures
 *           that are nearly right; values at every boundary; pages that are read-only, absent, or end before
 *           the argument does; frames that are tables, granted, given away, foreign, or do not exist.
 * Why:      what was checked may be another thing when it is used, and two calls may meet in the same frame,
 *           port or grant.
 * Method:   an unprivileged domain. Its last vCPU does nothing but write to the memory where the arguments
 *           of the others are, and to its grant table; the others call. The first watches, and ends the
 *           domain after `rounds=` calls, or when none is made any more, while the others go on. `seed=`
 *           draws other numbers.
 * Expected: the hypervisor answers to the end. The system tests hostile_pv_domains and hostile_pvh_domains
 *           look at the machine afterwards.
 * Xen:      not run: it is not our test of it.
 */
#include "attack.h"
#include "guest_arch.h"

/* Without any call, in ticks of the TSC: the clock's page may be gone. A few seconds. */
#define PATIENCE 6000000000ul

static struct attacker attackers[MAX_ATTACKERS];

static void change_arguments(void *arg)
{
    struct attacker *a = arg;

    for (unsigned int i = 0; i < 64; i++) {
        uint64_t at = draw(a, ARG_PAGES * PAGE_SIZE / 8);

        if (draw(a, 2))
            ((volatile uint64_t *)arguments)[at] = draw_value(a);
        else
            ((volatile uint32_t *)arguments)[2 * at] = (uint32_t)draw_value(a);
    }
    change_grant(a);
}

/* A call may take the arguments away from under the others, or replace the trap table. */
static void repeat(void *arg)
{
    struct attacker *a = arg;

    for (;;) {
        trap_install();
        if (trap_catch(a->act, a))
            attack_repair();
        a->calls++;
    }
}

static uint64_t calls_made(unsigned int count)
{
    uint64_t sum = 0;

    for (unsigned int cpu = 1; cpu + 1 < count; cpu++)
        sum += attackers[cpu].calls;
    return sum;
}

/* Until there were enough calls, or none for a while: vCPUs may have been stopped by one. */
static void watch(unsigned int count, uint64_t rounds)
{
    uint64_t made = 0, since = rdtsc();

    while (made < rounds && rdtsc() - since < PATIENCE) {
        uint64_t now = calls_made(count);

        if (now != made)
            since = rdtsc();
        made = now;
        CHECK_EQ(hc_xen_version(XENVER_version, 0), 4 << 16 | 17);
        hc_sched(SCHEDOP_yield, 0);
    }
    CHECK(made > 0);
}

static void test(void)
{
    uint64_t seed = test_option("seed=", 1), rounds = test_option("rounds=", 0);
    unsigned int count = smp_count();

    if (is_initial_domain() || count < 3 || !rounds) {
        test_skip(
            "it ends its domain: only with rounds=, in one that may do nothing, of three vCPUs or more");
        return;
    }
    if (count > MAX_ATTACKERS)
        count = MAX_ATTACKERS;
    attack_prepare();
    for (unsigned int cpu = 1; cpu < count; cpu++) {
        attackers[cpu].random = seed * 0x9e3779b97f4a7c15ull + cpu;
        attackers[cpu].act = cpu + 1 < count ? attack : change_arguments;
        smp_start(cpu, repeat, &attackers[cpu]);
    }
    watch(count, rounds);
    test_shutdown(test_result() == RESULT_SUCCESS ? SHUTDOWN_poweroff : SHUTDOWN_crash);
}

GUEST_TEST(test);
