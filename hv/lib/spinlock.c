/* SPDX-License-Identifier: MIT */
#include "hv/lib/spinlock.h"
#include "hv/cpu/current.h"
#include "hv/cpu/ipi.h"
#include "hv/io/console.h"
#include "hv/lib/bug.h"

#define MAX_HELD 8

/* Locks this CPU holds, outermost first; debug builds. */
struct held_locks {
    unsigned int n;
    struct spinlock *lock[MAX_HELD];
};
static DEFINE_PER_CPU(struct held_locks, held_locks);

void spin_lock_contended(struct spinlock *l, uint16_t ticket)
{
    while (READ_ONCE(l->head) != ticket) {
        cpu_service_requests();
        cpu_relax();
    }
}

void byte_lock_contended(uint8_t *lock)
{
    do {
        while (READ_ONCE(*lock)) {
            cpu_service_requests();
            cpu_relax();
        }
    } while (__atomic_exchange_n(lock, 1, __ATOMIC_ACQUIRE));
}

void spin_lock_debug_acquire(struct spinlock *l, const void *caller)
{
    struct held_locks *h = &this_cpu(held_locks);

    if (l->level != LOCK_CONSOLE && h->n && h->lock[h->n - 1]->level > l->level) {
        struct spinlock *outer = h->lock[h->n - 1];

        printk(LOG_ERR "lock order: level %u taken by %p while level %u is held, taken by %p\n", l->level,
               caller, outer->level, outer->caller);
        BUG();
    }
    BUG_ON(h->n == MAX_HELD);
    h->lock[h->n++] = l;
    l->caller = caller;
    l->owner = (uint16_t)(this_cpu_id() + 1);
}

void spin_lock_debug_release(struct spinlock *l)
{
    struct held_locks *h = &this_cpu(held_locks);
    unsigned int i;

    for (i = h->n; i > 0 && h->lock[i - 1] != l; i--)
        ;
    BUG_ON(i == 0);
    for (; i < h->n; i++)
        h->lock[i - 1] = h->lock[i];
    h->n--;
    l->owner = 0;
}
