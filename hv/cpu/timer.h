/* SPDX-License-Identifier: MIT */
/* One-shot timers: a binary heap per CPU ordered by expiry, driven by the local APIC timer. */
#ifndef HV_CPU_TIMER_H
#define HV_CPU_TIMER_H

#include "hv/lib/types.h"

struct timer {
    uint64_t expires;         /* system time in ns */
    void (*fn)(void *arg);    /* runs on `cpu` on the way back to the guest or idle loop, no locks held */
    void *arg;
    uint32_t cpu;             /* whose heap it is (or will be) in */
    uint32_t slot;            /* index in that heap + 1; 0 = not queued */
};

/* Prepare a timer to run on `cpu`. */
void timer_init(struct timer *t, void (*fn)(void *), void *arg, unsigned int cpu);
/* (Re)arm at absolute time `expires`; a past time fires at once. */
void timer_set(struct timer *t, uint64_t expires);
/* Disarm; afterwards fn is not running on another CPU unless it was already started. */
void timer_stop(struct timer *t);
/* Disarm for good (before its memory is freed): waits for a running fn on another CPU. */
void timer_kill(struct timer *t);
/* Move to another CPU, keeping the expiry. */
void timer_migrate(struct timer *t, unsigned int cpu);

void timer_run_expired(void); /* for this CPU; called from the pending-work loop */
void timer_init_cpu(void);

static inline bool timer_active(const struct timer *t)
{
    return t->slot != 0;
}

#endif
