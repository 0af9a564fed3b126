/* SPDX-License-Identifier: MIT */
/* The hypervisor's locks in a test of one thread: a lock that is taken already is a deadlock. */
#ifndef TESTS_UNIT_FAKE_LOCKS_H
#define TESTS_UNIT_FAKE_LOCKS_H

#include "hv/lib/spinlock.h"
#include <stdio.h>
#include <stdlib.h>

void spin_lock_contended(struct spinlock *l, uint16_t ticket)
{
    fprintf(stderr, "lock of level %u is taken twice (ticket %u)\n", l->level, ticket);
    abort();
}

void byte_lock_contended(uint8_t *lock)
{
    fprintf(stderr, "the lock at %p is taken twice\n", (void *)lock);
    abort();
}

void spin_lock_debug_acquire(struct spinlock *l, const void *caller)
{
    (void)l;
    (void)caller;
}

void spin_lock_debug_release(struct spinlock *l)
{
    if (!spin_is_locked(l)) {
        fprintf(stderr, "lock of level %u is released, but not taken\n", l->level);
        abort();
    }
}

#endif
