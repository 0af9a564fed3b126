/* SPDX-License-Identifier: MIT */
/* One-shot timers: a heap per CPU ordered by expiry, driven by the local APIC timer. */
#ifndef HV_CPU_TIMER_H
#define HV_CPU_TIMER_H

#include "hv/lib/pheap.h"

struct timer {
    struct pheap_node node; /* key: expiry, system time in ns */
    void (*fn)(void *arg);  /* runs on `cpu` on the way back to the guest or idle loop, no locks held */
    void *arg;
    uint32_t cpu; /* whose heap it is (or will be) in */
    bool queued;  /* is armed */
    bool moving;  /* but in no heap: on its way to that of `cpu` */
};

/* Prepare a timer to run on `cpu`. */
void timer_init(struct timer *t, void (*fn)(void *), void *arg, unsigned int cpu);
/* (Re)arm at absolute time `expires` (ns); a past time fires at once. */
void timer_set(struct timer *t, uint64_t expires);
/* Disarm; fn may still be running on another CPU if it was already started. */
void timer_stop(struct timer *t);
/* Disarm for good (before its memory is freed): waits for a running fn on another CPU. */
void timer_kill(struct timer *t);
/* Move to another CPU, keeping the expiry. */
void timer_migrate(struct timer *t, unsigned int cpu);

void timer_run_expired(void); /* for this CPU; called from the pending-work loop */
/* Before CPU `cpu` starts. */
void timer_prepare_cpu(unsigned int cpu);

/* Prints the timers of all CPUs on the console. */
void timer_dump(void);

static inline bool timer_active(const struct timer *t)
{
    return t->queued;
}

#endif
