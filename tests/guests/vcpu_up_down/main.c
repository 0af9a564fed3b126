/* SPDX-License-Identifier: MIT */
/*
 * vcpu_up_down: starting, stopping and restarting a secondary vCPU.
 *
 * What:     VCPUOP_initialise, up, is_up, down of itself and of another; the state a new vCPU starts
 *           with.
 * Why:      SMP boot and CPU hotplug.
 * Method:   run a function on vCPU 1 many times; take it down from vCPU 0 while it spins; bring it up
 *           again.
 * Expected: it starts with its own registers, upcalls masked, no TS; down stops it where it is and up
 *           resumes it there; a second initialise is -EEXIST.
 * Xen:      the same.
 */
#include "tests/guests/framework/guest.h"

static volatile unsigned int runs, spinning;
static volatile bool stop;

static void count(void *arg)
{
    if (this_cpu()->id == (uint64_t)arg && !event_enabled())
        runs++;
}

static void spin(void *unused)
{
    (void)unused;
    while (!stop)
        spinning++;
}

static void pass(uint64_t ns)
{
    for (uint64_t end = clock_now() + ns; clock_now() < end;)
        hc_sched(SCHEDOP_yield, 0);
}

static int state_of(unsigned int id)
{
    struct vcpu_runstate_info info = { .state = -1 };

    CHECK_EQ(hc_vcpu(VCPUOP_get_runstate_info, id, &info), 0);
    return info.state;
}

static void check_remote_down(void)
{
    unsigned int seen;

    smp_start(1, spin, NULL);
    while (!spinning)
        hc_sched(SCHEDOP_yield, 0);
    CHECK_EQ(hc_vcpu(VCPUOP_down, 1, 0), 0);
    while (smp_is_running(1))
        hc_sched(SCHEDOP_yield, 0);
    /* `down` of another takes effect when that vCPU is next descheduled. */
    while (state_of(1) == RUNSTATE_running)
        hc_sched(SCHEDOP_yield, 0);
    seen = spinning;
    pass(5 * MS);
    CHECK_EQ(spinning, seen);
    CHECK_EQ(hc_vcpu(VCPUOP_up, 1, 0), 0);
    while (spinning == seen)
        hc_sched(SCHEDOP_yield, 0);
    stop = true;
    smp_wait(1);
}

static void test(void)
{
    static struct vcpu_guest_context ctxt;

    if (smp_count() < 2) {
        test_skip("one vCPU");
        return;
    }
    for (unsigned int i = 0; i < 50; i++)
        smp_run(1, count, (void *)1);
    CHECK_EQ(runs, 50);
    CHECK_EQ(hc_vcpu(VCPUOP_initialise, 1, &ctxt), -XEN_EEXIST);
    CHECK_EQ(hc_vcpu(VCPUOP_is_up, 1, 0), 0);
    check_remote_down();
}

GUEST_TEST(test);
