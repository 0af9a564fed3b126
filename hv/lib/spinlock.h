/* SPDX-License-Identifier: MIT */
/*
 * Ticket spinlocks. The hypervisor runs with interrupts off (docs/architecture.md), so there
 * are no irqsave forms. A CPU that waits for a lock keeps serving TLB shoot-downs (cpu_service_requests), so
 * a holder may wait for other CPUs' acknowledgements without deadlock.
 */
#ifndef HV_LIB_SPINLOCK_H
#define HV_LIB_SPINLOCK_H

#include "hv/lib/atomic.h"
#include "hv/lib/lock_order.h"

struct spinlock {
    uint16_t head;      /* ticket now served */
    uint16_t tail;      /* next ticket to hand out */
    uint16_t level;     /* enum lock_level */
    uint16_t owner;     /* CPU that holds it + 1, 0 = none; debug builds only */
    const void *caller; /* who took it last; debug builds only */
};

#define SPINLOCK_INIT(lvl) \
    {                      \
        .level = (lvl)     \
    }

static inline void spin_lock_init(struct spinlock *l, enum lock_level level)
{
    *l = (struct spinlock)SPINLOCK_INIT(level);
}

void spin_lock_contended(struct spinlock *l, uint16_t ticket);
void spin_lock_debug_acquire(struct spinlock *l, const void *caller); /* order check */
void spin_lock_debug_release(struct spinlock *l);

static __always_inline void spin_lock(struct spinlock *l)
{
    uint16_t ticket;

    if (CONFIG_DEBUG)
        spin_lock_debug_acquire(l, __builtin_return_address(0));
    ticket = __atomic_fetch_add(&l->tail, 1, __ATOMIC_ACQUIRE);
    if (unlikely(READ_ONCE(l->head) != ticket))
        spin_lock_contended(l, ticket);
    barrier();
}

static __always_inline void spin_unlock(struct spinlock *l)
{
    if (CONFIG_DEBUG)
        spin_lock_debug_release(l);
    barrier();
    WRITE_ONCE(l->head, (uint16_t)(l->head + 1));
}

static inline bool spin_trylock(struct spinlock *l)
{
    uint16_t head = READ_ONCE(l->head);

    if (!atomic_cmpxchg(&l->tail, &head, (uint16_t)(head + 1)))
        return false;
    if (CONFIG_DEBUG)
        spin_lock_debug_acquire(l, __builtin_return_address(0));
    return true;
}

/*
 * A lock in one byte, for objects of which there are many: not fair, and not in the order that debug builds
 * check, so nothing but what is documented at the object may be locked inside. Waiting serves TLB shoot-downs
 * too.
 */
void byte_lock_contended(uint8_t *lock);

static __always_inline void byte_lock(uint8_t *lock)
{
    if (unlikely(__atomic_exchange_n(lock, 1, __ATOMIC_ACQUIRE)))
        byte_lock_contended(lock);
}

static __always_inline void byte_unlock(uint8_t *lock)
{
    __atomic_store_n(lock, 0, __ATOMIC_RELEASE);
}

static inline bool spin_is_locked(const struct spinlock *l)
{
    return READ_ONCE(l->head) != READ_ONCE(l->tail);
}

#endif
