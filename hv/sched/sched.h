/* SPDX-License-Identifier: MIT */
/* The scheduler's interface: who runs where. Weighted fair queueing per CPU with caps, affinity and work
 * stealing. */
#ifndef HV_SCHED_SCHED_H
#define HV_SCHED_SCHED_H

#include "hv/domain/domain.h"

void sched_init_boot(void); /* run queues; idle vCPU of the boot CPU becomes current */
void sched_init_cpu(unsigned int cpu);
int sched_vcpu_init(struct vcpu *v, unsigned int cpu);
void sched_vcpu_free(struct vcpu *v);

/* Pick and switch. Called only from the exit path and the idle loop (CPU_PENDING_SCHEDULE). May not return.
 */
void schedule(void);

/* The vCPU became runnable, or may have. Any context; locks up to LOCK_SCHED may be held. */
void vcpu_wake(struct vcpu *v);
/* Take a vCPU that is no longer runnable off its queue; _sync waits until it is off its CPU. */
void vcpu_sleep_nosync(struct vcpu *v);
void vcpu_sleep_sync(struct vcpu *v);
/* Clear VPF_* bits, and wake v when it became runnable by that. */
void vcpu_clear_pause_flags(struct vcpu *v, uint64_t flags);
/* v has something to notice (an event, an NMI): wake it if blocked, interrupt it if it runs on another CPU.
 */
void vcpu_kick(struct vcpu *v);
/* The current vCPU: SCHEDOP_block (returns at once when an event is deliverable), SCHEDOP_yield. */
void vcpu_block(void);
void vcpu_yield(void);
bool vcpu_runnable(const struct vcpu *v);

int sched_set_affinity(struct vcpu *v, cpumask_t hard); /* 0, -EINVAL when no online CPU is in it */
int sched_set_params(struct domain *d, uint16_t weight, uint16_t cap);
void sched_get_params(const struct domain *d, uint16_t *weight, uint16_t *cap);

/* Runstate of v up to now (ns). */
void vcpu_runstate_get(struct vcpu *v, struct vcpu_runstate_info *out);
uint64_t cpu_idle_ns(unsigned int cpu);
struct vcpu *cpu_current(unsigned int cpu); /* what runs there now; may change at any time */

#endif
