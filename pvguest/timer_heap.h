/* SPDX-License-Identifier: MIT */
/*
 * Timers in the order of their deadlines: a pairing heap whose links are in the timers, so that nothing is
 * ever allocated. Adding is O(1), removing O(log n) amortised. Pure logic without locks; timer.h is what
 * programs use.
 */
#ifndef PVGUEST_TIMER_HEAP_H
#define PVGUEST_TIMER_HEAP_H

#include <stdbool.h>
#include <stdint.h>

struct timer {
    void (*fn)(struct timer *timer);
    uint64_t deadline; /* ns of time_ns() */
    bool active;
    struct timer *child, *next;
    struct timer **link; /* what points here, NULL at the root */
};

/* root: the timer with the smallest deadline, or NULL. */
void timer_heap_add(struct timer **root, struct timer *timer);
void timer_heap_remove(struct timer **root, struct timer *timer);

#endif
