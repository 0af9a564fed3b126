/* SPDX-License-Identifier: MIT */
/*
 * Frame numbers and guest addresses as types that cannot be mixed or dereferenced. gcc compiles them to the
 * same instructions as plain integers.
 */
#ifndef HV_MM_MFN_H
#define HV_MM_MFN_H

#include "hv/lib/types.h"

typedef struct {
    uint64_t m;
} mfn_t; /* machine frame number: a physical 4 KiB frame of the host */

typedef struct {
    uint64_t g;
} gfn_t; /* guest frame number: what a guest calls its frame; equals the mfn for PV guests */

typedef struct {
    uint64_t va;
} gva_t; /* virtual address given by a guest; only hv/mm/guest_access.h opens it */

#define INVALID_MFN_RAW (~0ULL)
#define INVALID_MFN     ((mfn_t){ INVALID_MFN_RAW })

static inline mfn_t mfn(uint64_t m)
{
    return (mfn_t){ m };
}

static inline gfn_t gfn(uint64_t g)
{
    return (gfn_t){ g };
}

static inline gva_t gva(uint64_t va)
{
    return (gva_t){ va };
}

static inline bool mfn_eq(mfn_t a, mfn_t b)
{
    return a.m == b.m;
}

static inline mfn_t mfn_add(mfn_t a, uint64_t n)
{
    return mfn(a.m + n);
}

static inline gva_t gva_add(gva_t a, uint64_t bytes)
{
    return gva(a.va + bytes);
}

/* The address inside one of the ABI's XEN_GUEST_HANDLE structures. */
#define gva_of_handle(h) gva((uint64_t)(uintptr_t)(h).p)

#endif
