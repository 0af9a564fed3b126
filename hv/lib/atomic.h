/* SPDX-License-Identifier: MIT */
/* Atomic read-modify-write helpers and barriers. x86 is TSO: plain loads and stores are acquire/release. */
#ifndef HV_LIB_ATOMIC_H
#define HV_LIB_ATOMIC_H

#include "hv/lib/types.h"

#define barrier() __asm__ volatile("" ::: "memory")
#define smp_mb()  __asm__ volatile("lock; addl $0, -4(%%rsp)" ::: "memory", "cc")
#define smp_rmb() barrier()
#define smp_wmb() barrier()

static inline void cpu_relax(void)
{
    __asm__ volatile("pause" ::: "memory");
}

/* Compare-and-swap; returns true and stores `new` if *p was *old, else loads the value seen into *old. */
#define atomic_cmpxchg(p, old, new) \
    __atomic_compare_exchange_n(p, old, new, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)
#define atomic_xchg(p, v)       __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST)
#define atomic_add_return(p, v) __atomic_add_fetch(p, v, __ATOMIC_SEQ_CST)
#define atomic_sub_return(p, v) __atomic_sub_fetch(p, v, __ATOMIC_SEQ_CST)
#define atomic_or(p, v)         ((void)__atomic_fetch_or(p, v, __ATOMIC_SEQ_CST))
#define atomic_and(p, v)        ((void)__atomic_fetch_and(p, v, __ATOMIC_SEQ_CST))
#define atomic_fetch_or(p, v)   __atomic_fetch_or(p, v, __ATOMIC_SEQ_CST)
#define atomic_fetch_and(p, v)  __atomic_fetch_and(p, v, __ATOMIC_SEQ_CST)

#endif
