/* SPDX-License-Identifier: MIT */
/*
 * A vCPU's virtual IDT (struct trap_info of arch-x86/xen.h). Most guests have handlers for exceptions only,
 * so it begins with room for those and grows once, to all vectors. It is changed by the vCPU itself, or while
 * that does not run.
 */
#include "hv/lib/string.h"
#include "hv/mm/heap.h"
#include "hv/pv/pv.h"

#define TRAPS_FIRST 32

bool pv_traps_init(struct vcpu *v)
{
    v->pv.traps = hv_zalloc_array(TRAPS_FIRST, sizeof(*v->pv.traps));
    v->pv.nr_traps = v->pv.traps ? TRAPS_FIRST : 0;
    return v->pv.traps;
}

void pv_traps_free(struct vcpu *v)
{
    hv_free(v->pv.traps);
    v->pv.traps = NULL;
    v->pv.nr_traps = 0;
}

void pv_traps_clear(struct vcpu *v)
{
    memset(v->pv.traps, 0, v->pv.nr_traps * sizeof(*v->pv.traps));
}

bool pv_traps_reach(struct vcpu *v, uint8_t vector)
{
    struct trap_info *old = v->pv.traps, *all;

    if (likely(vector < v->pv.nr_traps))
        return true;
    all = hv_zalloc_array(TRAPS_ALL, sizeof(*all));
    if (!all)
        return false;
    memcpy(all, old, v->pv.nr_traps * sizeof(*all));
    v->pv.traps = all;
    v->pv.nr_traps = TRAPS_ALL;
    hv_free(old);
    return true;
}
