/* SPDX-License-Identifier: MIT */
/*
 * Hypercalls of 32-bit hardware guests. Structures that have pointers or words of the guest's width in them
 * differ; their 64-bit form is made in a page of the hypervisor that the handlers read as if it were guest
 * memory, at COMPAT_ARGS_ADDRESS. What the handlers write back there is translated back.
 */
#ifndef HYPERCALLS_COMPAT_H
#define HYPERCALLS_COMPAT_H

#include "hv/domain/domain.h"

/* The hypercall `nr` with 32-bit arguments; arg[] changes when it is to be restarted. */
int64_t compat_call(struct vcpu *v, uint32_t nr, uint64_t arg[6]);

#endif
