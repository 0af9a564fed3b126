/* SPDX-License-Identifier: MIT */
/*
 * One binary heap of timers per CPU, earliest first. The CPU's APIC timer is armed for the earliest one only; there is no tick.
 * A timer belongs to one CPU's heap (t->cpu); its heap's lock protects it.
 */
#include "hv/cpu/timer.h"
#include "hv/cpu/apic.h"
#include "hv/cpu/current.h"
#include "hv/cpu/ipi.h"
#include "hv/cpu/smp.h"
#include "hv/cpu/time.h"
#include "hv/cpu/trap.h"
#include "hv/lib/bug.h"
#include "hv/lib/spinlock.h"
#include "hv/lib/string.h"
#include "hv/mm/heap.h"

struct timer_heap {
    struct spinlock lock;
    uint32_t n, capacity;
    struct timer **node;
    struct timer *running; /* whose fn runs now, on this CPU */
    uint64_t programmed;   /* expiry the hardware is set to; 0 = off */
};

static DEFINE_PER_CPU(struct timer_heap, timers);

static void heap_put(struct timer_heap *h, uint32_t i, struct timer *t)
{
    h->node[i] = t;
    t->slot = i + 1;
}

static void heap_up(struct timer_heap *h, uint32_t i, struct timer *t)
{
    while (i && h->node[(i - 1) / 2]->expires > t->expires) {
        heap_put(h, i, h->node[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    heap_put(h, i, t);
}

static void heap_down(struct timer_heap *h, uint32_t i, struct timer *t)
{
    for (;;) {
        uint32_t c = 2 * i + 1;

        if (c >= h->n)
            break;
        if (c + 1 < h->n && h->node[c + 1]->expires < h->node[c]->expires)
            c++;
        if (h->node[c]->expires >= t->expires)
            break;
        heap_put(h, i, h->node[c]);
        i = c;
    }
    heap_put(h, i, t);
}

static void heap_remove(struct timer_heap *h, struct timer *t)
{
    uint32_t i = t->slot - 1;
    struct timer *last = h->node[--h->n];

    t->slot = 0;
    if (last == t)
        return;
    if (i && h->node[(i - 1) / 2]->expires > last->expires)
        heap_up(h, i, last);
    else
        heap_down(h, i, last);
}

/* The array only grows; it is sized for every timer the CPU may hold before one is used (timer_init reserves). */
static void heap_insert(struct timer_heap *h, struct timer *t)
{
    if (h->n == h->capacity) {
        uint32_t cap = h->capacity ? h->capacity * 2 : 64;
        struct timer **node = hv_zalloc_array(cap, sizeof(*node));

        if (!node)
            panic("out of memory for %u timers of one CPU\n", cap);
        if (h->n)
            memcpy(node, h->node, h->n * sizeof(*node));
        hv_free(h->node);
        h->node = node;
        h->capacity = cap;
    }
    heap_up(h, h->n++, t);
}

/* Under h->lock, on the heap's own CPU. */
static void program(struct timer_heap *h)
{
    uint64_t want = h->n ? max(h->node[0]->expires, (uint64_t)1) : 0;

    if (want == h->programmed)
        return;
    h->programmed = want;
    apic_timer_set(want ? ns_to_tsc(want) : 0);
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
    else if (h->n && (!h->programmed || h->node[0]->expires < h->programmed))
        cpu_raise_on(cpu, CPU_PENDING_TIMER);
}

void timer_init(struct timer *t, void (*fn)(void *), void *arg, unsigned int cpu)
{
    *t = (struct timer){ .fn = fn, .arg = arg, .cpu = cpu };
}

void timer_set(struct timer *t, uint64_t expires)
{
    struct timer_heap *h = lock_heap_of(t);

    if (t->slot)
        heap_remove(h, t);
    t->expires = expires;
    heap_insert(h, t);
    heap_changed(h, t->cpu);
    spin_unlock(&h->lock);
}

void timer_stop(struct timer *t)
{
    struct timer_heap *h;

    if (!READ_ONCE(t->slot))
        return;
    h = lock_heap_of(t);
    if (t->slot) {
        heap_remove(h, t);
        heap_changed(h, t->cpu);
    }
    spin_unlock(&h->lock);
}

void timer_kill(struct timer *t)
{
    if (!t->fn)
        return;
    timer_stop(t);
    if (t->cpu == this_cpu_id())
        return;
    while (READ_ONCE(per_cpu(timers, t->cpu).running) == t) {
        cpu_service_requests();
        cpu_relax();
    }
}

void timer_migrate(struct timer *t, unsigned int cpu)
{
    struct timer_heap *h;
    bool queued;

    if (READ_ONCE(t->cpu) == cpu)
        return;
    h = lock_heap_of(t);
    queued = t->slot != 0;
    if (queued)
        heap_remove(h, t);
    heap_changed(h, t->cpu);
    WRITE_ONCE(t->cpu, cpu);
    spin_unlock(&h->lock);
    if (queued)
        timer_set(t, t->expires);
}

void timer_run_expired(void)
{
    struct timer_heap *h = &this_cpu(timers);

    spin_lock(&h->lock);
    h->programmed = 0; /* the hardware has fired or was asked to look again */
    while (h->n && h->node[0]->expires <= now_ns()) {
        struct timer *t = h->node[0];
        void (*fn)(void *) = t->fn;
        void *arg = t->arg;

        heap_remove(h, t);
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

void timer_init_cpu(void)
{
    struct timer_heap *h = &this_cpu(timers);

    spin_lock_init(&h->lock, LOCK_TIMER);
    set_irq_vector_handler(VECTOR_TIMER, timer_interrupt);
}
