/* SPDX-License-Identifier: MIT */
/* How long operations notice that they should let interrupts in. */
#ifndef HV_DOMAIN_WORK_H
#define HV_DOMAIN_WORK_H

#include "hv/cpu/current.h"
#include "hv/domain/domain.h"

#define WORK_BUDGET 4096

/*
 * Count `units` of work (a unit is about one page-table entry, or 100 instructions) for the present
 * hypercall; true when its share is used up, and the caller should stop with -ERESTART. The budget starts
 * anew with each entry, so that there is always progress.
 */
static inline bool work_exhausted(uint64_t units)
{
    struct vcpu *v = current;

    v->work += units;
    return v->work > WORK_BUDGET;
}

#endif
