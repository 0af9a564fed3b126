/* SPDX-License-Identifier: MIT */
/*
 * The scheduler. Each CPU has a run queue: a heap of runnable vCPUs ordered by virtual run time, which
 * advances while a vCPU runs at 256 / weight of real time. The CPU runs the one that is furthest behind, for
 * a slice, or for as long as nobody else wants the CPU; there is no tick. A waking vCPU starts at most
 * SLEEPER_CREDIT behind the queue, so that it runs soon but cannot save up time.
 *
 * A CPU with nothing to run takes work from the others' queues; a waking vCPU prefers an idle CPU that it may
 * use. A domain with a cap has each of its vCPUs parked (VPF_PARKED) once it used cap percent of a window,
 * until the window ends.
 *
 * Locks: a queue's lock protects the queue and sched_vcpu of the vCPUs that belong to it (v->sched.cpu); two
 * queue locks are never held at once. `running` stays set until the registers of a descheduled vCPU are
 * saved, so that no other CPU picks it up before.
 */
#include "hv/sched/sched.h"
#include "hv/cpu/cpu_init.h"
#include "hv/cpu/current.h"
#include "hv/cpu/ipi.h"
#include "hv/cpu/smp.h"
#include "hv/cpu/time.h"
#include "hv/cpu/trace.h"
#include "hv/domain/runstate.h"
#include "hv/lib/bug.h"
#include "hv/lib/errno.h"
#include "hv/sched/context.h"

#define SLICE_NS          10000000ULL /* while others wait */
#define SLEEPER_CREDIT_NS 5000000ULL
#define PREEMPT_MARGIN_NS 500000ULL /* a waker must be this far behind to interrupt */
#define CAP_WINDOW_NS     100000000ULL
#define WEIGHT_NORMAL     256u
#define STEAL_SCAN        64 /* vCPUs of another queue that an idle CPU looks at */

struct run_queue {
    struct spinlock lock;
    struct pheap heap;
    uint32_t queued;
    uint64_t min_key; /* virtual time of the queue: never goes back */
    struct vcpu *curr;
    struct vcpu *idle;
    uint64_t slice_end; /* 0: nobody waits */
    struct timer slice; /* expires at slice_end or before */
    uint64_t idle_since, idle_total;
};

static DEFINE_PER_CPU(struct run_queue, run_queues);
static cpumask_t idle_cpus;

static struct run_queue *lock_queue_of(const struct vcpu *v)
{
    for (;;) {
        uint32_t cpu = READ_ONCE(v->sched.cpu);
        struct run_queue *q = &per_cpu(run_queues, cpu);

        spin_lock(&q->lock);
        if (v->sched.cpu == cpu)
            return q;
        spin_unlock(&q->lock);
    }
}

bool vcpu_runnable(const struct vcpu *v)
{
    return !(READ_ONCE(v->pause_flags) | READ_ONCE(v->pause_count) | READ_ONCE(v->domain->pause_count));
}

static void enqueue(struct run_queue *q, struct vcpu *v)
{
    pheap_insert(&q->heap, &v->sched.node);
    v->sched.queued = true;
    q->queued++;
}

static void dequeue(struct run_queue *q, struct vcpu *v)
{
    pheap_remove(&q->heap, &v->sched.node);
    v->sched.queued = false;
    q->queued--;
}

static struct vcpu *queue_first(const struct run_queue *q)
{
    struct pheap_node *n = pheap_min(&q->heap);

    return n ? container_of(n, struct vcpu, sched.node) : NULL;
}

/* Charge the running vCPU for its time up to `now`; less than nothing, where another CPU's clock is ahead,
 * would be ages. */
static void charge(struct run_queue *q, struct vcpu *v, uint64_t now)
{
    uint64_t ran = now - min(now, v->sched.run_start);

    v->sched.run_start += ran;
    v->sched.node.key += ran * WEIGHT_NORMAL / v->domain->sched.weight;
    if (v->domain->sched.cap) {
        if (now - v->sched.cap_window >= CAP_WINDOW_NS) {
            v->sched.cap_window = now;
            v->sched.cap_used = 0;
        }
        v->sched.cap_used += ran;
    }
    q->min_key =
        max(q->min_key, min(v->sched.node.key, q->heap.root ? q->heap.root->key : v->sched.node.key));
}

static uint64_t cap_limit(const struct vcpu *v)
{
    return CAP_WINDOW_NS / 100 * v->domain->sched.cap / max(v->domain->max_vcpus, 1u);
}

static bool over_cap(const struct vcpu *v)
{
    return v->domain->sched.cap && v->sched.cap_used >= cap_limit(v);
}

static void unpark(void *arg)
{
    struct vcpu *v = arg;

    v->sched.cap_used = 0;
    v->sched.cap_window = now_ns();
    vcpu_clear_pause_flags(v, VPF_PARKED);
}

/* The timer is not moved at each switch, nor stopped when nobody waits any more: it may come early. */
static void slice_over(void *arg __unused)
{
    struct run_queue *q = &this_cpu(run_queues);
    uint64_t end;

    spin_lock(&q->lock);
    end = q->slice_end;
    if (end > now_ns())
        timer_set(&q->slice, end);
    else if (end)
        cpu_raise(CPU_PENDING_SCHEDULE);
    spin_unlock(&q->lock);
}

/* Under the queue's lock. */
static void set_slice_end(struct run_queue *q, uint64_t end)
{
    q->slice_end = end;
    if (end && (!timer_active(&q->slice) || q->slice.node.key > end))
        timer_set(&q->slice, end);
}

static struct vcpu *idle_vcpu_new(unsigned int cpu)
{
    static struct vcpu boot_idle;
    struct vcpu *v = cpu == 0 ? &boot_idle : vcpu_alloc();

    if (!v)
        return NULL;
    v->domain = &idle_domain;
    v->is_idle = true;
    v->id = (uint16_t)cpu;
    v->info = &idle_vcpu_info;
    v->sched.cpu = cpu;
    v->sched.running = true;
    return v;
}

int cpu_prepare_idle(unsigned int cpu)
{
    struct run_queue *q = &per_cpu(run_queues, cpu);

    spin_lock_init(&q->lock, LOCK_SCHED);
    q->heap.root = NULL;
    q->idle = idle_vcpu_new(cpu);
    if (!q->idle)
        return -ENOMEM;
    q->curr = q->idle;
    timer_init(&q->slice, slice_over, NULL, cpu);
    cpu_info_of(cpu)->vcpu = q->idle;
    return 0;
}

int sched_vcpu_init(struct vcpu *v, unsigned int cpu)
{
    v->sched = (struct sched_vcpu){ .cpu = cpu,
                                    .affinity_hard.bits = ~0ULL,
                                    .affinity_soft.bits = ~0ULL,
                                    .may_run.bits = ~v->domain->sched.avoid.bits };
    timer_init(&v->sched.unpark, unpark, v, cpu);
    runstate_init(v, RUNSTATE_offline);
    return 0;
}

void sched_vcpu_free(struct vcpu *v)
{
    timer_kill(&v->sched.unpark);
}

/* An idle CPU for v: its own first, then any that it may use; NR_CPUS = none. */
static unsigned int idle_cpu_for(const struct vcpu *v)
{
    uint64_t may = READ_ONCE(idle_cpus.bits) & v->sched.may_run.bits;

    if (may & BIT(v->sched.cpu))
        return v->sched.cpu;
    return may ? bit_lowest(may) : NR_CPUS;
}

/* Which CPU a vCPU that is off its CPU should wait for. */
static unsigned int choose_cpu(const struct vcpu *v)
{
    unsigned int cpu = idle_cpu_for(v);
    uint64_t may = v->sched.may_run.bits & cpu_online_map.bits;

    if (cpu != NR_CPUS)
        return cpu;
    if (may & BIT(v->sched.cpu))
        return v->sched.cpu;
    return bit_lowest(may);
}

static void migrate_timers(struct vcpu *v, unsigned int cpu)
{
    timer_migrate(&v->singleshot, cpu);
    timer_migrate(&v->periodic, cpu);
    timer_migrate(&v->poll, cpu);
    timer_migrate(&v->sched.unpark, cpu);
}

/* Under v's queue lock, v neither queued nor running: let it belong to `cpu`. Its key is carried over
 * relative to the queues. */
static void move_vcpu(struct run_queue *from, struct vcpu *v, unsigned int cpu)
{
    uint64_t to_min = READ_ONCE(per_cpu(run_queues, cpu).min_key);

    v->sched.node.key = v->sched.node.key - min(v->sched.node.key, from->min_key) + to_min;
    v->sched.migrations++;
    WRITE_ONCE(v->sched.cpu, cpu);
}

static void place_woken(struct run_queue *q, struct vcpu *v)
{
    uint64_t floor;

    /* Without a tick the queue's virtual time stands still while one vCPU runs: bring it up to date first. */
    if (q->curr != q->idle)
        charge(q, q->curr, now_ns());
    floor = q->min_key > SLEEPER_CREDIT_NS ? q->min_key - SLEEPER_CREDIT_NS : 0;
    v->sched.node.key = max(v->sched.node.key, floor);
    enqueue(q, v);
}

/* v was queued on q of `cpu`: does that CPU have to look? */
static void request_cpu(struct run_queue *q, struct vcpu *v, unsigned int cpu)
{
    struct vcpu *curr = q->curr;

    if (curr == q->idle || v->sched.node.key + PREEMPT_MARGIN_NS < curr->sched.node.key)
        cpu_raise_on(cpu, CPU_PENDING_SCHEDULE);
    else if (!q->slice_end)
        set_slice_end(q, now_ns() + SLICE_NS);
}

void vcpu_wake(struct vcpu *v)
{
    struct run_queue *q = lock_queue_of(v);
    unsigned int cpu = v->sched.cpu;

    if (v->sched.queued || v->sched.running || !vcpu_runnable(v)) {
        spin_unlock(&q->lock);
        return;
    }
    runstate_change(v, RUNSTATE_runnable, now_ns());
    trace(TRACE_WAKE, (uint64_t)v->domain->id << 16 | v->id, cpu);
    if (q->curr != q->idle)
        cpu = choose_cpu(v);
    /* Its affinity may change while no queue is locked. */
    while (cpu != v->sched.cpu || !cpumask_test(&v->sched.may_run, cpu)) {
        cpu = choose_cpu(v);
        move_vcpu(q, v, cpu);
        spin_unlock(&q->lock);
        migrate_timers(v, cpu);
        q = lock_queue_of(v);
        cpu = v->sched.cpu;
        if (v->sched.queued || v->sched.running || !vcpu_runnable(v)) {
            spin_unlock(&q->lock);
            return;
        }
    }
    place_woken(q, v);
    request_cpu(q, v, cpu);
    spin_unlock(&q->lock);
}

void vcpu_clear_pause_flags(struct vcpu *v, uint64_t flags)
{
    if (atomic_fetch_and(&v->pause_flags, ~flags) & flags)
        vcpu_wake(v);
}

void vcpu_kick(struct vcpu *v)
{
    if (READ_ONCE(v->pause_flags) & VPF_BLOCKED) {
        vcpu_unblock(v);
        return;
    }
    /* While it runs elsewhere, an interrupt makes it pass the exit path, which looks for events. */
    if (READ_ONCE(v->sched.running) && v != current)
        cpu_raise_on(READ_ONCE(v->sched.cpu), CPU_PENDING_GUEST);
}

void vcpu_sleep_nosync(struct vcpu *v)
{
    struct run_queue *q = lock_queue_of(v);

    if (!vcpu_runnable(v)) {
        if (v->sched.running) {
            cpu_raise_on(v->sched.cpu, CPU_PENDING_SCHEDULE);
        } else {
            if (v->sched.queued)
                dequeue(q, v);
            runstate_change(v, runstate_of_sleeper(v), now_ns());
        }
    }
    spin_unlock(&q->lock);
}

void vcpu_sleep_sync(struct vcpu *v)
{
    vcpu_sleep_nosync(v);
    while (READ_ONCE(v->sched.running) && !vcpu_runnable(v)) {
        cpu_service_requests();
        cpu_run_calls();
        cpu_relax();
    }
}

void vcpu_block(void)
{
    struct vcpu *v = current;

    atomic_or(&v->pause_flags, VPF_BLOCKED);
    /* An event that came before the flag was seen by nobody: look again. */
    if (vcpu_event_deliverable(v)) {
        atomic_and(&v->pause_flags, ~(uint64_t)VPF_BLOCKED);
        return;
    }
    cpu_raise(CPU_PENDING_SCHEDULE);
}

void vcpu_yield(void)
{
    current->sched.yielded = true;
    cpu_raise(CPU_PENDING_SCHEDULE);
}

/* With q locked: a queued vCPU that may run on `cpu` and is off its old CPU. At most STEAL_SCAN are looked
 * at. */
static struct vcpu *stealable(const struct run_queue *q, unsigned int cpu)
{
    struct pheap_node *n = pheap_min(&q->heap);

    for (unsigned int i = 0; n && i < STEAL_SCAN; i++, n = pheap_next(n)) {
        struct vcpu *v = container_of(n, struct vcpu, sched.node);

        if (!v->sched.running && cpumask_test(&v->sched.may_run, cpu))
            return v;
    }
    return NULL;
}

/* Take a waiting vCPU from another CPU's queue; it then belongs to this CPU and to no queue. No queue lock
 * held. */
static struct vcpu *steal(unsigned int me)
{
    unsigned int cpu;

    for_each_cpu (cpu, cpu_online_map.bits & ~BIT(me)) {
        struct run_queue *q = &per_cpu(run_queues, cpu);
        struct vcpu *v;

        if (!READ_ONCE(q->queued))
            continue;
        spin_lock(&q->lock);
        v = stealable(q, me);
        if (v) {
            dequeue(q, v);
            move_vcpu(q, v, me);
            v->sched.running = true; /* nobody else may queue it until it really runs */
        }
        spin_unlock(&q->lock);
        if (v)
            return v;
    }
    return NULL;
}

/* Under the queue's lock: what becomes of the vCPU that ran until now. */
static void put_previous(struct run_queue *q, struct vcpu *prev, uint64_t now)
{
    bool yielded = prev->sched.yielded;

    prev->sched.yielded = false;
    if (prev->is_idle)
        return;
    charge(q, prev, now);
    if (vcpu_runnable(prev) && over_cap(prev)) {
        atomic_or(&prev->pause_flags, VPF_PARKED);
        timer_set(&prev->sched.unpark, prev->sched.cap_window + CAP_WINDOW_NS);
    }
    if (!vcpu_runnable(prev)) {
        runstate_change(prev, runstate_of_sleeper(prev), now);
        return;
    }
    if (yielded && q->heap.root)
        prev->sched.node.key = max(prev->sched.node.key, q->heap.root->key + 1);
    if (cpumask_test(&prev->sched.may_run, prev->sched.cpu))
        enqueue(q, prev);
    runstate_change(prev, RUNSTATE_runnable, now);
}

/* Under the queue's lock: vCPUs wait here while other CPUs idle, so let those that may run one come and take
 * it. */
static void offer_to_idle_cpus(const struct run_queue *q, unsigned int me)
{
    uint64_t idle = READ_ONCE(idle_cpus.bits) & ~BIT(me), wanted = 0;
    struct pheap_node *n = pheap_min(&q->heap);
    unsigned int cpu;

    if (!n || !idle)
        return;
    for (unsigned int i = 0; n && i < STEAL_SCAN; i++, n = pheap_next(n))
        wanted |= container_of(n, struct vcpu, sched.node)->sched.may_run.bits;
    for_each_cpu (cpu, idle & wanted)
        cpu_raise_on(cpu, CPU_PENDING_SCHEDULE);
}

/* Under the queue's lock: make `next` the current one, with the end of its slice if somebody waits or a cap
 * runs. */
static void set_next(struct run_queue *q, struct vcpu *next, unsigned int cpu, uint64_t now)
{
    uint64_t end = q->queued ? now + SLICE_NS : 0;

    if (q->curr != next)
        next->sched.switches++;
    q->curr = next;
    next->sched.running = true;
    next->sched.run_start = now;
    if (next->is_idle) {
        q->idle_since = now;
        cpumask_set(&idle_cpus, cpu);
        end = 0;
    } else {
        if (cpumask_test(&idle_cpus, cpu))
            cpumask_clear(&idle_cpus, cpu);
        if (next->domain->sched.cap && now - next->sched.cap_window < CAP_WINDOW_NS) {
            uint64_t left = now + cap_limit(next) - min(cap_limit(next), next->sched.cap_used);
            end = end ? min(end, left) : left;
        }
        runstate_change(next, RUNSTATE_running, now);
    }
    set_slice_end(q, end);
}

/* The registers of `prev` are saved: other CPUs may run it now. It may have been woken, or lost its affinity,
 * meanwhile. */
void sched_context_saved(struct vcpu *prev)
{
    struct run_queue *q;
    bool wake;

    if (prev->is_idle)
        return;
    q = lock_queue_of(prev);
    WRITE_ONCE(prev->sched.running, false);
    wake = !prev->sched.queued && vcpu_runnable(prev);
    spin_unlock(&q->lock);
    if (wake)
        vcpu_wake(prev);
}

void schedule(void)
{
    unsigned int cpu = this_cpu_id();
    struct run_queue *q = &this_cpu(run_queues);
    struct vcpu *prev = q->curr, *next;
    uint64_t now;

    spin_lock(&q->lock);
    now = now_ns(); /* not before whoever had the lock looked at the clock */
    if (prev->is_idle)
        q->idle_total += now - q->idle_since;
    put_previous(q, prev, now);
    next = queue_first(q);
    if (next) {
        dequeue(q, next);
    } else {
        spin_unlock(&q->lock);
        next = steal(cpu);
        spin_lock(&q->lock);
        if (!next) {
            next = queue_first(q);
            if (next)
                dequeue(q, next);
            else
                next = q->idle;
        }
    }
    set_next(q, next, cpu, now);
    offer_to_idle_cpus(q, cpu);
    spin_unlock(&q->lock);
    if (next != prev)
        context_switch(prev, next);
}

int sched_set_affinity(struct vcpu *v, cpumask_t hard)
{
    struct run_queue *q;

    if (!(hard.bits & cpu_online_map.bits))
        return -EINVAL;
    q = lock_queue_of(v);
    v->sched.affinity_hard = hard;
    v->sched.may_run.bits = hard.bits & ~v->domain->sched.avoid.bits;
    if (!(v->sched.may_run.bits & cpu_online_map.bits))
        v->sched.may_run = hard;
    /* Off its CPU, and queued there again, it counts as running until its registers are saved. */
    if (v->sched.queued)
        dequeue(q, v);
    else if (v->sched.running && !cpumask_test(&v->sched.may_run, v->sched.cpu))
        cpu_raise_on(v->sched.cpu, CPU_PENDING_SCHEDULE);
    spin_unlock(&q->lock);
    vcpu_wake(v); /* chooses its CPU anew, if it waits for one */
    return 0;
}

int sched_set_params(struct domain *d, uint16_t weight, uint16_t cap)
{
    if (weight < 1 || cap > 100 * MAX_VCPUS)
        return -EINVAL;
    d->sched.weight = weight;
    d->sched.cap = cap;
    return 0;
}

void sched_get_params(const struct domain *d, uint16_t *weight, uint16_t *cap)
{
    *weight = d->sched.weight;
    *cap = d->sched.cap;
}

uint64_t cpu_idle_ns(unsigned int cpu)
{
    const struct run_queue *q = &per_cpu(run_queues, cpu);

    return q->idle_total + (q->curr == q->idle ? now_ns() - q->idle_since : 0);
}

struct vcpu *cpu_current(unsigned int cpu)
{
    return READ_ONCE(per_cpu(run_queues, cpu).curr);
}
