/* SPDX-License-Identifier: MIT */
/* Set of physical CPUs. NR_CPUS is 64, so that a set is one word. */
#ifndef HV_LIB_CPUMASK_H
#define HV_LIB_CPUMASK_H

#include "hv/lib/bitops.h"

#define NR_CPUS 64

typedef struct {
    uint64_t bits;
} cpumask_t;

extern cpumask_t cpu_online_map; /* CPUs that run; changes at boot and at CPU stop only */

static inline bool cpumask_test(const cpumask_t *m, unsigned int cpu)
{
    return (READ_ONCE(m->bits) >> cpu) & 1;
}

static inline void cpumask_set(cpumask_t *m, unsigned int cpu)
{
    __atomic_fetch_or(&m->bits, BIT(cpu), __ATOMIC_SEQ_CST);
}

static inline void cpumask_clear(cpumask_t *m, unsigned int cpu)
{
    __atomic_fetch_and(&m->bits, ~BIT(cpu), __ATOMIC_SEQ_CST);
}

static inline unsigned int cpumask_weight(cpumask_t m)
{
    unsigned int n = 0;

    for (uint64_t bits = m.bits; bits; bits &= bits - 1)
        n++;
    return n;
}

#define for_each_cpu(cpu, mask_bits) for_each_set_bit (cpu, (uint64_t[]){ mask_bits }, NR_CPUS)

#endif
