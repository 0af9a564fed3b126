/* SPDX-License-Identifier: MIT */
/* 128-bit intermediate results without the compiler's library, which is not built for ring 0. */
#ifndef HV_LIB_MULDIV_H
#define HV_LIB_MULDIV_H

#include "hv/lib/types.h"

/* a * b / c, rounded down. The quotient must fit 64 bits, c must not be 0: the CPU faults otherwise. */
static inline uint64_t mul_div(uint64_t a, uint64_t b, uint64_t c)
{
    uint64_t high, low;

    __asm__("mulq %3" : "=a"(low), "=d"(high) : "a"(a), "rm"(b) : "cc");
    __asm__("divq %2" : "+a"(low), "+d"(high) : "rm"(c) : "cc");
    return low;
}

#endif
