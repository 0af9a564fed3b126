/* SPDX-License-Identifier: MIT */
/* Accounting of where each vCPU's time goes (xen/vcpu.h RUNSTATE_*), and idle vCPUs' odds and ends. */
#ifndef HV_DOMAIN_RUNSTATE_H
#define HV_DOMAIN_RUNSTATE_H

#include "hv/domain/domain.h"

extern struct vcpu_info idle_vcpu_info; /* no event is ever pending in it */

struct vcpu *vcpu_alloc(void); /* zeroed; NULL when memory is out */

void runstate_init(struct vcpu *v, int state);
/* Book the time since the last change under the old state. Lock: the run queue of v. */
void runstate_change(struct vcpu *v, int state, uint64_t now);
/* RUNSTATE_blocked or RUNSTATE_offline for a vCPU that is not runnable. */
int runstate_of_sleeper(const struct vcpu *v);

/* CPU_PENDING_GUEST: the current vCPU may have an NMI to take. (That it passes the exit path is all that an
 * event needs.) */
void vcpu_pending_work(struct vcpu *v);
/* An NMI for v: delivered on its way back to the guest, after the one it is handling. */
void vcpu_send_nmi(struct vcpu *v);

#endif
