/* SPDX-License-Identifier: MIT */
/*
 * One heap of timers per CPU, earliest first. The CPU's APIC timer is armed for the earliest one only; there
 * is no tick. A timer belongs to one CPU's heap (t->cpu); its heap's lock protects it.
 */
#include "hv/cpu/timer.h"
#include "hv/cpu/apic.h"
#include "hv/cpu/current.h"
#include "hv/cpu/ipi.h"
#include "hv/cpu/smp.h"
#include "hv/cpu/time.h"
#include "hv/cpu/trap.h"
#include "hv/cpu/crash.h"
#include "hv/io/console.h"
#include "hv/lib/cpumask.h"
#include "hv/lib/spinlock.h"

struct timer_heap {
    struct spinlock lock;
    struct pheap heap;
    struct timer *running; /* whose fn runs now, on this CPU */
    uint64_t programmed;   /* expiry the hardware is set to; 0 = off */
};

static DEFINE_PER_CPU(struct timer_heap, timers);

static struct timer *earliest(const struct timer_heap *h)
{
    struct pheap_node *n = pheap_min(&h->heap);

    return n ? container_of(n, struct timer, node) : NULL;
}

static void dequeue(struct timer_heap *h, struct timer *t)
{
    if (!t->moving)
        pheap_remove(&h->heap, &t->node);
    t->queued = t->moving = false;
}

/*
 * Under h->lock, on the heap's own CPU. Hardware that is set to an earlier moment is left so: timers of
 * slices are moved at every switch, and writing the hardware costs more than one interrupt in a slice that
 * finds nothing to do and sets it anew.
 */
static void program(struct timer_heap *h)
{
    struct timer *t = earliest(h);
    uint64_t want = t ? max(t->node.key, (uint64_t)1) : 0;

    if (!want || (h->programmed && h->programmed <= want))
        return;
    h->programmed = want;
    apic_timer_set(ns_to_tsc(want));
}

static struct timer_heap *lock_heap_of(struct timer *t)
{
    for (;;) {
        uint32_t cpu = READ_ONCE(t->cpu);
        struct timer_heap *h = &per_cpu(timers, cpu);

        spin_lock(&h->lock);
        if (t->cpu == cpu)
            return h;
        spin_unlock(&h->lock);
    }
}

/* After a change of heap h: its CPU must look at it when the earliest expiry moved forward. */
static void heap_changed(struct timer_heap *h, uint32_t cpu)
{
    if (cpu == this_cpu_id())
        program(h);
    else if (earliest(h) && (!h->programmed || earliest(h)->node.key < h->programmed))
        cpu_raise_on(cpu, CPU_PENDING_TIMER);
}

void timer_init(struct timer *t, void (*fn)(void *), void *arg, unsigned int cpu)
{
    *t = (struct timer){ .fn = fn, .arg = arg, .cpu = cpu };
}

void timer_set(struct timer *t, uint64_t expires)
{
    struct timer_heap *h = lock_heap_of(t);

    if (t->queued)
        dequeue(h, t);
    t->node.key = expires;
    pheap_insert(&h->heap, &t->node);
    t->queued = true;
    heap_changed(h, t->cpu);
    spin_unlock(&h->lock);
}

void timer_stop(struct timer *t)
{
    struct timer_heap *h;

    if (!READ_ONCE(t->queued))
        return;
    h = lock_heap_of(t);
    if (t->queued) {
        dequeue(h, t);
        heap_changed(h, t->cpu);
    }
    spin_unlock(&h->lock);
}

void timer_kill(struct timer *t)
{
    if (!t->fn)
        return;
    /* While its function runs, that may set it again. */
    do {
        timer_stop(t);
        while (t->cpu != this_cpu_id() && READ_ONCE(per_cpu(timers, t->cpu).running) == t) {
            cpu_service_requests();
            cpu_relax();
        }
    } while (READ_ONCE(t->queued));
}

/* The two halves of a migration, each under one heap's lock. In between, the timer may be set or stopped, and
 * then has arrived. */
static bool leave_heap(struct timer *t, unsigned int cpu)
{
    struct timer_heap *h = lock_heap_of(t);
    bool moving;

    if (t->queued && !t->moving) {
        pheap_remove(&h->heap, &t->node);
        t->moving = true;
    }
    moving = t->moving;
    WRITE_ONCE(t->cpu, cpu);
    spin_unlock(&h->lock);
    return moving;
}

static void enter_heap(struct timer *t)
{
    struct timer_heap *h = lock_heap_of(t);

    if (t->moving) {
        t->moving = false;
        pheap_insert(&h->heap, &t->node);
        heap_changed(h, t->cpu);
    }
    spin_unlock(&h->lock);
}

void timer_migrate(struct timer *t, unsigned int cpu)
{
    if (READ_ONCE(t->cpu) != cpu && leave_heap(t, cpu))
        enter_heap(t);
}

void timer_run_expired(void)
{
    struct timer_heap *h = &this_cpu(timers);
    struct timer *t;

    spin_lock(&h->lock);
    h->programmed = 0; /* the hardware has fired or was asked to look again */
    while ((t = earliest(h)) && t->node.key <= now_ns()) {
        void (*fn)(void *) = t->fn;
        void *arg = t->arg;

        dequeue(h, t);
        h->running = t;
        spin_unlock(&h->lock);
        fn(arg);
        spin_lock(&h->lock);
        h->running = NULL;
    }
    h->programmed = 0;
    program(h);
    spin_unlock(&h->lock);
}

static void timer_interrupt(uint8_t vector __unused)
{
    apic_eoi();
    cpu_raise(CPU_PENDING_TIMER);
}

void timer_prepare_cpu(unsigned int cpu)
{
    spin_lock_init(&per_cpu(timers, cpu).lock, LOCK_TIMER);
    set_irq_vector_handler(VECTOR_TIMER, timer_interrupt);
}

void timer_dump(void)
{
    uint64_t now = now_ns();
    unsigned int cpu;
    char name[64];

    for_each_cpu (cpu, cpu_online_map.bits) {
        struct timer_heap *h = &per_cpu(timers, cpu);

        spin_lock(&h->lock);
        printk("  CPU%u:\n", cpu);
        for (struct pheap_node *n = pheap_min(&h->heap); n; n = pheap_next(n)) {
            const struct timer *t = container_of(n, struct timer, node);

            printk("    in %ld us %s\n", ((int64_t)(n->key - now)) / 1000,
                   symbol_name((uint64_t)t->fn, name, sizeof(name)));
        }
        spin_unlock(&h->lock);
    }
}
