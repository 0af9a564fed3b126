/* SPDX-License-Identifier: MIT */
/* Address spaces of PV guests: base pointers, walks, shoot-down masks, teardown; and what pte.c and
 * page_type.c share. */
#ifndef HV_PV_PV_MM_H
#define HV_PV_PV_MM_H

#include "hv/domain/domain.h"
#include "hv/lib/cpumask.h"
#include "hv/mm/guest_access.h"
#include "hv/mm/paging.h"
#include "hv/pv/page_type.h"

/* References of an entry of an L2..L4 table; pte_get_upper as page_get_type. Lock: d->mmu_lock. */
int pte_get_upper(pte_t e, struct domain *d, const struct frame *table, unsigned int level);
void pte_put_upper(pte_t e, struct domain *d, const struct frame *table);
/* page_put_type that leaves the rest of the work to page_finish_drops(). */
void page_put_upper(struct domain *d, struct frame *f);

/* Table below an entry. */
static __always_inline pte_t *pv_table_below(pte_t e)
{
    return (pte_t *)(DIRECT_MAP_START + (e & PTE_ADDR));
}

/*
 * Direct-map address of the L1 entry that maps `va` in v's kernel tables, or NULL. Lock: d->mmu_lock. A
 * linear page table leads to a table of a higher level, which is none.
 */
static __always_inline pte_t *pv_l1e_of(const struct vcpu *v, uint64_t va)
{
    const pte_t *table = mfn_to_virt(v->pv.kernel_table);
    pte_t e;

    if (unlikely(!guest_range_ok(gva(va), 1)))
        return NULL;
    e = READ_ONCE(table[pt_index(va, 4)]);
    if (unlikely(!(e & PTE_P)))
        return NULL;
    e = READ_ONCE(pv_table_below(e)[pt_index(va, 3)]);
    if (unlikely(!(e & PTE_P)))
        return NULL;
    e = READ_ONCE(pv_table_below(e)[pt_index(va, 2)]);
    if (unlikely(!(e & PTE_P) || page_table_level(mfn_to_frame(pte_mfn(e)), v->domain) != 1))
        return NULL;
    return &pv_table_below(e)[pt_index(va, 1)];
}

/* CPUs that may hold translations of d. */
cpumask_t pv_dirty_cpus(const struct domain *d);
/* The same for the vCPUs named by a guest's bitmap (64-bit words, as many as it has vCPUs). 0, -EFAULT. */
int pv_vcpumask_cpus(const struct domain *d, gva_t bitmap, cpumask_t *cpus);
/*
 * Release d->mmu_lock at the end of an operation that may have changed entries or types, after what it owes:
 * nobody may go on using foreign or granted mappings that were removed. May crash d, which takes d->lock.
 */
void pv_mmu_unlock_owing(struct domain *d);
static inline void pv_mmu_unlock(struct domain *d)
{
    if (unlikely(d->pv.owes))
        pv_mmu_unlock_owing(d);
    else
        spin_unlock(&d->mmu_lock);
}

/*
 * MMUEXT_NEW_BASEPTR and NEW_USER_BASEPTR of the current vCPU. 0, -EINVAL, -ERESTART (call again; or, when
 * the switch is done and the old table's release was preempted, page_finish_drops). Lock: d->mmu_lock.
 */
int pv_new_base(struct vcpu *v, mfn_t m);
int pv_new_user_base(struct vcpu *v, mfn_t m); /* frame 0: none */

/* guest_ops.relinquish: give all memory of a dying PV domain back. 0, -ERESTART. Takes d->mmu_lock. */
int pv_relinquish_memory(struct domain *d);

#endif
