/* SPDX-License-Identifier: MIT */
/*
 * One-shot timers on vCPU 0. The function runs in event context, at or after the deadline; it may start its
 * timer again. Embed struct timer and set fn; the rest starts as zero. Any context on vCPU 0.
 */
#ifndef PVGUEST_TIMER_H
#define PVGUEST_TIMER_H

#include "pvguest/timer_heap.h"

/* Runs timer->fn at that time_ns(), in place of an earlier setting. A deadline in the past fires at once. */
void timer_start(struct timer *timer, uint64_t deadline);

/* timer_cancel() of a timer that is set, or was a moment ago. */
bool timer_cancel_active(struct timer *timer);

/* After this the function does not run. Returns whether it was still to run. */
static inline bool timer_cancel(struct timer *timer)
{
    return timer->active && timer_cancel_active(timer);
}

/* Start of day. */
void timer_init(void);

#endif
