/* SPDX-License-Identifier: MIT */
/* The ABI's forms of a hardware guest's vCPU: what its toolstack reads and writes, and how it starts another.
 */
#ifndef HV_HVM_CONTEXT_H
#define HV_HVM_CONTEXT_H

#include "hv/hvm/hvm.h"
#include <xen/hvm/hvm_vcpu.h>
#include <xen/hvm/save.h>

/* The records of xen/hvm/save.h. v does not run. Setting: 0; -EINVAL: a register cannot hold its value, and
 * nothing changed. */
void hvm_get_cpu(struct vcpu *v, struct hvm_hw_cpu *c);
int hvm_set_cpu(struct vcpu *v, const struct hvm_hw_cpu *c);
void hvm_get_mtrr(const struct vcpu *v, struct hvm_hw_mtrr *m);
int hvm_set_mtrr(struct vcpu *v, const struct hvm_hw_mtrr *m);

/* The part of the PV form that makes sense, for tools that look at registers. v does not run. */
void hvm_get_guest_context(const struct vcpu *v, struct vcpu_guest_context *c);

/* VCPUOP_initialise of a hardware guest. 0, -EINVAL. */
int hvm_set_start(struct vcpu *v, const struct vcpu_hvm_context *c);

#endif
