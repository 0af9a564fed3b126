/* SPDX-License-Identifier: MIT */
/* Clamp of a guest-supplied index that also holds under speculation (Spectre variant 1). */
#ifndef HV_LIB_NOSPEC_H
#define HV_LIB_NOSPEC_H

#include "hv/lib/types.h"

/*
 * Returns `index` when index < size and 0 otherwise, without a branch: cmp sets the carry flag and sbb turns
 * it into a mask, so a mispredicted bounds check cannot carry an out-of-range index into a load.
 */
static inline uint64_t index_nospec(uint64_t index, uint64_t size)
{
    uint64_t mask;
    __asm__("cmp %2, %1; sbb %0, %0" : "=r"(mask) : "r"(index), "rm"(size) : "cc");
    return index & mask;
}

#endif
