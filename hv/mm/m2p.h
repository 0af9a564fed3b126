/* SPDX-License-Identifier: MIT */
/* The machine-to-phys table: for each machine frame the pseudo-physical number its owner gave it. */
#ifndef HV_MM_M2P_H
#define HV_MM_M2P_H

#include "hv/mm/mfn.h"
#include "hv/mm/layout.h"

#define INVALID_M2P_ENTRY (~0ULL)

static inline uint64_t m2p_get(mfn_t m)
{
    return ((const uint64_t *)M2P_RW_START)[m.m];
}

/* @pre mfn_valid(m) */
static inline void m2p_set(mfn_t m, uint64_t pfn)
{
    ((uint64_t *)M2P_RW_START)[m.m] = pfn;
}

#endif
