/* SPDX-License-Identifier: MIT */
/*
 * L1TF, the "L1 Terminal Fault" of Intel's CPUs (CVE-2018-3620): a load through an absent page-table entry
 * may go on speculatively with the data that the first-level cache holds for the entry's address bits. A
 * guest that writes its absent entries itself could so read whatever memory is cached. Therefore an absent
 * entry is refused, and its domain crashed, when these bits may name memory: when they are neither 0 nor
 * above everything that can be cached. Guest kernels that know of L1TF invert the addresses that they keep in
 * absent entries.
 */
#ifndef HV_PV_L1TF_H
#define HV_PV_L1TF_H

#include "hv/domain/domain.h"
#include "hv/mm/paging.h"

/* Whether absent entries are looked at: [0] of domains, [1] of the hardware domain. */
extern bool pv_l1tf_check[2];

/* Decides by CPU and command line. @pre host_cpu_detect(), mm_init(). */
void pv_l1tf_init(void);

bool pv_l1tf_refuse(struct domain *d, pte_t e, unsigned int level);

/*
 * Whether the absent entry `e` may not be in a table of d of this level. If so, pv_mmu_unlock() crashes d.
 * Lock: d->mmu_lock.
 */
static inline bool pv_l1tf_refuses(struct domain *d, pte_t e, unsigned int level)
{
    return unlikely(e) && unlikely(pv_l1tf_check[d->hardware]) && pv_l1tf_refuse(d, e, level);
}

bool pv_l1tf_refuse_table(struct domain *d, const pte_t *table, unsigned int level);

/* The same for all absent entries of a table that is to become one of this level, the hypervisor's slots
 * excepted. */
static inline bool pv_l1tf_refuses_table(struct domain *d, const pte_t *table, unsigned int level)
{
    return unlikely(pv_l1tf_check[d->hardware]) && pv_l1tf_refuse_table(d, table, level);
}

#endif
