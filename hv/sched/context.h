/* SPDX-License-Identifier: MIT */
/* The switch from one vCPU to another, and the loops that every CPU ends in. */
#ifndef HV_SCHED_CONTEXT_H
#define HV_SCHED_CONTEXT_H

#include "hv/domain/domain.h"

/* Make `next` this CPU's current vCPU and resume it: does not return. Called by schedule() with no lock held.
 */
void __noreturn context_switch(struct vcpu *prev, struct vcpu *next);
/* hv/sched/sched.c: prev's registers are saved. */
void sched_context_saved(struct vcpu *prev);

/* Work in cpu_info.pending, before the return to a guest (entry.S) or the next halt of the idle loop. */
void process_pending(void);

#endif
