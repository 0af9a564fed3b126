/* SPDX-License-Identifier: MIT */
/*
 * The scheduler under a simulated machine: CPUs, a clock and timers of our own; schedule() and the rest are
 * the hypervisor's.
 */
/* unit-sources: hv/lib/pheap.c */
#include <criterion/criterion.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

/* In place of hv/cpu/current.h: the CPU is a variable, and per-CPU data an array. */
#define HV_CPU_CURRENT_H
#include "hv/lib/cpumask.h"
#include "tests/unit/fake_locks.h"
struct vcpu;
static unsigned int sim_cpu;
static uint32_t sim_pending[NR_CPUS];
static unsigned int this_cpu_id(void)
{
    return sim_cpu;
}
static struct vcpu *current_vcpu(void);
#define current                    (current_vcpu())
#define DEFINE_PER_CPU(type, name) __typeof__(type) percpu_##name[NR_CPUS]
#define this_cpu(name)             percpu_##name[sim_cpu]
#define per_cpu(name, cpu)         percpu_##name[cpu]
#define CPU_PENDING_SCHEDULE       BIT(0)
#define CPU_PENDING_TIMER          BIT(1)
#define CPU_PENDING_CALLS          BIT(2)
#define CPU_PENDING_GUEST          BIT(3)
static void cpu_raise(uint32_t what)
{
    sim_pending[sim_cpu] |= what;
}
static void cpu_raise_on(unsigned int cpu, uint32_t what)
{
    sim_pending[cpu] |= what;
}
struct cpu_info {
    struct vcpu *vcpu;
};
static struct cpu_info sim_info[NR_CPUS];

#define HV_CPU_SMP_H
static struct cpu_info *cpu_info_of(unsigned int cpu)
{
    return &sim_info[cpu];
}
static void cpu_run_calls(void)
{
}

#include "hv/sched/sched.c"

cpumask_t cpu_online_map;
struct domain idle_domain = { .is_idle = true };
struct vcpu_info idle_vcpu_info;

static uint64_t sim_now;
static jmp_buf sim_switch;
static struct timer *sim_timer[256];
static unsigned int sim_timers;

uint64_t now_ns(void)
{
    return sim_now;
}

void timer_init(struct timer *t, void (*fn)(void *), void *arg, unsigned int cpu)
{
    *t = (struct timer){ .fn = fn, .arg = arg, .cpu = cpu };
    sim_timer[sim_timers++] = t;
}

void timer_set(struct timer *t, uint64_t expires)
{
    t->node.key = expires;
    t->queued = true;
}

void timer_stop(struct timer *t)
{
    t->queued = false;
}

void timer_kill(struct timer *t)
{
    t->queued = false;
}

/* What another CPU does once, in the middle of an operation of this one. */
static void (*sim_meanwhile)(void);

static void meanwhile(void)
{
    void (*fn)(void) = sim_meanwhile;

    sim_meanwhile = NULL;
    if (fn)
        fn();
}

void timer_migrate(struct timer *t, unsigned int cpu)
{
    t->cpu = cpu;
    meanwhile();
}

void trace(enum trace_event e, uint64_t a, uint64_t b)
{
    (void)e, (void)a, (void)b;
}

void cpu_service_requests(void)
{
}

void bug(const char *file, unsigned int line, const char *what)
{
    cr_assert_fail("%s:%u: %s", file, line, what);
    abort();
}

struct vcpu *vcpu_alloc(void)
{
    return calloc(1, sizeof(struct vcpu));
}

void runstate_init(struct vcpu *v, int state)
{
    v->runstate.state = state;
}

void runstate_change(struct vcpu *v, int state, uint64_t now)
{
    v->runstate.time[v->runstate.state] += now - v->runstate.state_entry_time;
    v->runstate.state_entry_time = now;
    v->runstate.state = state;
}

int runstate_of_sleeper(const struct vcpu *v)
{
    return v->pause_flags & VPF_BLOCKED ? RUNSTATE_blocked : RUNSTATE_offline;
}

bool vcpu_event_deliverable(const struct vcpu *v)
{
    (void)v;
    return false;
}

void vcpu_unblock(struct vcpu *v)
{
    vcpu_clear_pause_flags(v, VPF_BLOCKED);
}

void context_switch(struct vcpu *prev, struct vcpu *next)
{
    cr_assert(next->is_idle || cpumask_test(&next->sched.may_run, sim_cpu), "it must not run on CPU%u",
              sim_cpu);
    sim_info[sim_cpu].vcpu = next;
    meanwhile();
    sched_context_saved(prev);
    longjmp(sim_switch, 1);
}

static struct vcpu *current_vcpu(void)
{
    return sim_info[sim_cpu].vcpu;
}

/* ---- the simulated machine ---- */

static unsigned int sim_cpus;

static void machine(unsigned int cpus)
{
    sim_now = 1000;
    sim_cpus = cpus;
    cpu_online_map.bits = cpus == 64 ? ~0ULL : BIT(cpus) - 1;
    for (unsigned int i = 0; i < cpus; i++) {
        cr_assert_eq(cpu_prepare_idle(i), 0);
        sim_info[i].vcpu = per_cpu(run_queues, i).idle;
        sim_pending[i] = CPU_PENDING_SCHEDULE;
    }
}

static struct domain *domain(uint16_t weight, uint16_t cap, unsigned int vcpus)
{
    struct domain *d = calloc(1, sizeof(*d));

    d->max_vcpus = vcpus;
    d->sched = (struct sched_domain){ .weight = weight, .cap = cap };
    for (unsigned int i = 0; i < vcpus; i++) {
        struct vcpu *v = d->vcpu[i] = calloc(1, sizeof(*v));

        v->domain = d;
        v->id = (uint16_t)i;
        v->pause_flags = VPF_DOWN;
        sched_vcpu_init(v, i % sim_cpus);
    }
    return d;
}

static void start(struct domain *d)
{
    for (unsigned int i = 0; i < d->max_vcpus; i++)
        vcpu_clear_pause_flags(d->vcpu[i], VPF_DOWN);
}

static void schedule_here(void)
{
    if (!setjmp(sim_switch))
        schedule();
}

/* Let every CPU with pending work do it. */
static void settle(void)
{
    for (bool again = true; again;) {
        again = false;
        for (unsigned int i = 0; i < sim_cpus; i++) {
            sim_cpu = i;
            if (!(sim_pending[i] & CPU_PENDING_SCHEDULE))
                continue;
            sim_pending[i] = 0;
            again = true;
            schedule_here();
        }
    }
}

/* No vCPU on two CPUs or on a CPU it must not use; none that waits while a CPU that it may use is idle. */
static void check(struct domain *const *d, unsigned int n)
{
    for (unsigned int i = 0; i < n; i++)
        for (unsigned int j = 0; j < d[i]->max_vcpus; j++) {
            struct vcpu *v = d[i]->vcpu[j];
            unsigned int on = 0;

            for (unsigned int cpu = 0; cpu < sim_cpus; cpu++) {
                if (sim_info[cpu].vcpu == v) {
                    on++;
                    cr_assert(cpumask_test(&v->sched.may_run, cpu));
                    cr_assert_eq(v->sched.cpu, cpu);
                } else if (sim_info[cpu].vcpu->is_idle && vcpu_runnable(v) && !v->sched.running) {
                    cr_assert(!cpumask_test(&v->sched.may_run, cpu), "a vCPU waits while CPU%u idles", cpu);
                }
            }
            cr_assert_eq(on, v->sched.running);
            cr_assert(!(v->sched.running && v->sched.queued));
            cr_assert_eq(v->sched.running || v->sched.queued, vcpu_runnable(v));
        }
}

/* Advance to the next timer, at most to `end`; false when `end` is reached. */
static bool step(uint64_t end)
{
    struct timer *first = NULL;

    for (unsigned int i = 0; i < sim_timers; i++)
        if (sim_timer[i]->queued && (!first || sim_timer[i]->node.key < first->node.key))
            first = sim_timer[i];
    if (!first || first->node.key > end) {
        sim_now = end;
        return false;
    }
    sim_now = max(sim_now, first->node.key);
    first->queued = false;
    sim_cpu = first->cpu;
    first->fn(first->arg);
    return true;
}

static void run_for(uint64_t ns, struct domain *const *d, unsigned int n)
{
    uint64_t end = sim_now + ns;

    do {
        settle();
        check(d, n);
    } while (step(end));
    settle();
}

static uint64_t ran(const struct vcpu *v)
{
    uint64_t t = v->runstate.time[RUNSTATE_running];

    return t + (v->runstate.state == RUNSTATE_running ? sim_now - v->runstate.state_entry_time : 0);
}

static void expect_share(uint64_t got, uint64_t total, unsigned int percent)
{
    cr_expect(got * 100 > total * (percent - 2) && got * 100 < total * (percent + 2),
              "%lu of %lu ns, expected %u %%", got, total, percent);
}

#define SECOND      1000000000ULL
#define MILLISECOND 1000000ULL

Test(sched, weights_share_one_cpu)
{
    machine(1);
    struct domain *d[] = { domain(256, 0, 1), domain(512, 0, 1), domain(256, 0, 1) };

    for (unsigned int i = 0; i < 3; i++)
        start(d[i]);
    run_for(4 * SECOND, d, 3);
    expect_share(ran(d[0]->vcpu[0]), 4 * SECOND, 25);
    expect_share(ran(d[1]->vcpu[0]), 4 * SECOND, 50);
    expect_share(ran(d[2]->vcpu[0]), 4 * SECOND, 25);
}

Test(sched, one_vcpu_runs_without_a_tick)
{
    machine(1);
    struct domain *d = domain(256, 0, 1);

    start(d);
    run_for(1000, &d, 1);
    for (unsigned int i = 0; i < sim_timers; i++)
        cr_expect(!sim_timer[i]->queued, "a timer is armed although nobody waits");
    cr_expect_eq(sim_info[0].vcpu, d->vcpu[0]);
}

/* The timer is still set for the end of the slice of the one that ran before. */
Test(sched, a_slice_is_whole_though_its_timer_comes_early)
{
    machine(1);
    struct domain *d[] = { domain(256, 0, 1), domain(256, 0, 1) };
    const struct vcpu *first, *second;

    for (unsigned int i = 0; i < 2; i++)
        start(d[i]);
    run_for(3 * MILLISECOND, d, 2);
    first = sim_info[0].vcpu;
    vcpu_yield();
    settle();
    second = sim_info[0].vcpu;
    cr_assert_neq(second, first);
    run_for(9 * MILLISECOND, d, 2);
    cr_expect_eq(sim_info[0].vcpu, second, "it has lost its CPU after less than a slice");
    run_for(2 * MILLISECOND, d, 2);
    cr_expect_eq(sim_info[0].vcpu, first, "it has had more than a slice");
}

/* It is too little behind to take the CPU at once. */
Test(sched, who_wakes_waits_for_a_slice_at_most)
{
    machine(1);
    struct domain *d[] = { domain(256, 0, 1), domain(256, 0, 1) };

    start(d[0]);
    run_for(MILLISECOND / 10, d, 2);
    start(d[1]);
    run_for(MILLISECOND, d, 2);
    cr_expect_eq(sim_info[0].vcpu, d[0]->vcpu[0]);
    run_for(10 * MILLISECOND, d, 2);
    cr_expect_eq(sim_info[0].vcpu, d[1]->vcpu[0]);
}

/* Nor does it take the CPU from one who is alone by then. */
Test(sched, the_timer_of_a_slice_comes_for_nothing)
{
    machine(1);
    struct domain *d[] = { domain(256, 0, 1), domain(256, 0, 1) };
    unsigned int switches;

    for (unsigned int i = 0; i < 2; i++)
        start(d[i]);
    run_for(MILLISECOND, d, 2);
    vcpu_block();
    run_for(MILLISECOND, d, 2);
    switches = sim_info[0].vcpu->sched.switches;
    run_for(SECOND, d, 2);
    cr_expect_eq(sim_info[0].vcpu->sched.switches, switches);
    for (unsigned int i = 0; i < sim_timers; i++)
        cr_expect(!sim_timer[i]->queued, "a timer is armed although nobody waits");
}

Test(sched, cap_limits_and_leaves_the_rest)
{
    machine(1);
    struct domain *d[] = { domain(256, 20, 1), domain(256, 0, 1) };

    start(d[0]);
    run_for(2 * SECOND, d, 1);
    expect_share(ran(d[0]->vcpu[0]), 2 * SECOND, 20);
    uint64_t before = ran(d[0]->vcpu[0]);
    start(d[1]);
    run_for(2 * SECOND, d, 2);
    expect_share(ran(d[0]->vcpu[0]) - before, 2 * SECOND, 20);
    expect_share(ran(d[1]->vcpu[0]), 2 * SECOND, 80);
}

Test(sched, idle_cpu_takes_waiting_work)
{
    machine(4);
    struct domain *d = domain(256, 0, 4);

    for (unsigned int i = 0; i < 4; i++)
        d->vcpu[i]->sched.cpu = 0;
    start(d);
    run_for(SECOND, &d, 1);
    for (unsigned int i = 0; i < 4; i++)
        expect_share(ran(d->vcpu[i]), SECOND, 100);
}

Test(sched, hard_affinity_is_kept)
{
    machine(2);
    struct domain *d = domain(256, 0, 3);

    for (unsigned int i = 0; i < 3; i++)
        cr_assert_eq(sched_set_affinity(d->vcpu[i], (cpumask_t){ BIT(1) }), 0);
    start(d);
    run_for(3 * SECOND, &d, 1);
    for (unsigned int i = 0; i < 3; i++)
        expect_share(ran(d->vcpu[i]), 3 * SECOND, 33);
    cr_expect_eq(sched_set_affinity(d->vcpu[0], (cpumask_t){ BIT(5) }), -EINVAL);
    cr_assert_eq(sched_set_affinity(d->vcpu[0], (cpumask_t){ BIT(0) }), 0);
    run_for(1000, &d, 1);
    cr_expect_eq(sim_info[0].vcpu, d->vcpu[0]);
}

static struct vcpu *moved; /* by affinity, from CPU0 to CPU1 */

static void move_it(void)
{
    cr_assert(moved->sched.queued && moved->sched.running);
    cr_assert_eq(sched_set_affinity(moved, (cpumask_t){ BIT(1) }), 0);
}

/* Another CPU changes it while the registers of the vCPU, which waits for CPU0 again, are being saved. */
Test(sched, affinity_changes_while_it_is_switched_out)
{
    machine(2);
    struct domain *d[] = { domain(256, 0, 2), domain(256, 0, 1) };

    for (unsigned int i = 0; i < 2; i++)
        cr_assert_eq(sched_set_affinity(d[0]->vcpu[i], (cpumask_t){ BIT(0) }), 0);
    cr_assert_eq(sched_set_affinity(d[1]->vcpu[0], (cpumask_t){ BIT(1) }), 0);
    start(d[0]);
    start(d[1]);
    run_for(1000, d, 2);
    moved = sim_info[0].vcpu;
    sim_meanwhile = move_it;
    run_for(SECOND, d, 2);
    cr_expect_null(sim_meanwhile);
    expect_share(ran(moved), SECOND, 50);
}

/* As sched_set_affinity() does under the queue's lock; its own vcpu_wake() comes later. */
static void move_waking(void)
{
    cr_assert(!moved->sched.queued);
    moved->sched.affinity_hard.bits = moved->sched.may_run.bits = BIT(1);
}

/* Another CPU changes it while the woken vCPU is on its way to the queue that was chosen for it. */
Test(sched, affinity_changes_while_it_is_woken)
{
    machine(3);
    struct domain *d[] = { domain(256, 0, 2), domain(256, 0, 1) };

    cr_assert_eq(sched_set_affinity(d[0]->vcpu[0], (cpumask_t){ BIT(0) }), 0);
    cr_assert_eq(sched_set_affinity(d[0]->vcpu[1], (cpumask_t){ BIT(1) }), 0);
    start(d[0]);
    run_for(1000, d, 1);
    moved = d[1]->vcpu[0];
    moved->sched.cpu = 0;
    sim_meanwhile = move_waking;
    start(d[1]);
    cr_expect_null(sim_meanwhile);
    vcpu_wake(moved);
    run_for(SECOND, d, 2);
    expect_share(ran(moved), SECOND, 50);
}

Test(sched, avoided_cpu_is_for_those_pinned_to_it)
{
    machine(2);
    struct domain *d = domain(256, 0, 2);

    d->sched.avoid.bits = BIT(0);
    sched_vcpu_init(d->vcpu[0], 0);
    cr_assert_eq(sched_set_affinity(d->vcpu[1], (cpumask_t){ ~0ULL }), 0);
    start(d);
    run_for(SECOND, &d, 1);
    for (unsigned int i = 0; i < 2; i++)
        expect_share(ran(d->vcpu[i]), SECOND, 50);
    cr_expect(sim_info[0].vcpu->is_idle);
    cr_assert_eq(sched_set_affinity(d->vcpu[0], (cpumask_t){ BIT(0) }), 0);
    run_for(1000, &d, 1);
    cr_expect_eq(sim_info[0].vcpu, d->vcpu[0]);
}

Test(sched, sleeper_preempts_but_saves_up_little)
{
    machine(1);
    struct domain *d[] = { domain(256, 0, 1), domain(256, 0, 1) };

    start(d[0]);
    start(d[1]);
    run_for(SECOND / 10, d, 2);
    d[1]->vcpu[0]->pause_flags = VPF_BLOCKED;
    vcpu_sleep_nosync(d[1]->vcpu[0]);
    run_for(5 * SECOND, d, 2);
    uint64_t before = ran(d[0]->vcpu[0]);
    vcpu_clear_pause_flags(d[1]->vcpu[0], VPF_BLOCKED);
    run_for(1000, d, 2);
    cr_expect_eq(sim_info[0].vcpu, d[1]->vcpu[0], "who slept long runs at once");
    run_for(SECOND, d, 2);
    expect_share(ran(d[0]->vcpu[0]) - before, SECOND, 50);
}

/* Who wakes another vCPU charges the one that runs, by its own clock, which may be ahead of that CPU's. */
Test(sched, clock_behind_the_last_charge_costs_nothing)
{
    machine(1);
    struct domain *d[] = { domain(256, 0, 1), domain(256, 0, 1) };

    start(d[0]);
    run_for(SECOND, d, 2);
    start(d[1]);
    sim_now -= 10;
    settle();
    sim_now += 10;
    uint64_t before = ran(d[0]->vcpu[0]);
    run_for(SECOND, d, 2);
    expect_share(ran(d[0]->vcpu[0]) - before, SECOND, 50);
}

Test(sched, yield_lets_the_other_run)
{
    machine(1);
    struct domain *d[] = { domain(256, 0, 1), domain(256, 0, 1) };

    start(d[0]);
    start(d[1]);
    run_for(1000, d, 2);
    for (unsigned int i = 0; i < 10; i++) {
        struct vcpu *was = sim_info[0].vcpu;

        sim_cpu = 0;
        vcpu_yield();
        run_for(1000, d, 2);
        cr_expect_neq(sim_info[0].vcpu, was);
    }
}

/* Anything in any order, on 4 CPUs, with the invariants of check() after each step. */
Test(sched, random_operations_keep_the_invariants)
{
    machine(4);
    struct domain *d[] = { domain(256, 0, 3), domain(100, 50, 2), domain(1000, 0, 4) };

    srand(1);
    for (unsigned int i = 0; i < 20000; i++) {
        struct domain *x = d[rand() % 3];
        struct vcpu *v = x->vcpu[(unsigned int)rand() % x->max_vcpus];

        sim_cpu = (unsigned int)rand() % sim_cpus;
        switch (rand() % 6) {
        case 0:
            v->pause_flags |= VPF_BLOCKED;
            vcpu_sleep_nosync(v);
            break;
        case 1:
        case 2:
            vcpu_clear_pause_flags(v, VPF_BLOCKED | VPF_DOWN);
            break;
        case 3:
            sched_set_affinity(v, (cpumask_t){ (uint64_t)(1 + rand() % 15) });
            break;
        case 4:
            sched_set_params(x, (uint16_t)(1 + rand() % 2000), (uint16_t)(rand() % 2 ? 0 : rand() % 150));
            break;
        default:
            if (!current->is_idle)
                vcpu_yield();
        }
        settle();
        check(d, 3);
        run_for((uint64_t)rand() % 3000000, d, 3);
    }
}
