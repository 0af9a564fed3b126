/* SPDX-License-Identifier: MIT */
#ifndef HYPERCALLS_VCPU_H
#define HYPERCALLS_VCPU_H

#include "hv/domain/domain.h"

/*
 * VCPUOP_initialise and DOMCTL_setvcpucontext: pv_vcpu_set_context(), and VGCF_online says whether v is up. 0
 * or -errno as there. Lock: d->lock.
 */
int vcpu_set_context(struct vcpu *v, const struct vcpu_guest_context *c);

#endif
