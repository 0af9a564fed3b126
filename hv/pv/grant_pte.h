/* SPDX-License-Identifier: MIT */
/*
 * Grant mappings in a PV guest's page tables. The entry holds references of its own, as any other does; what
 * the grant holds beside them is the business of hypercalls/grant_entry.c. All work on the current domain and
 * take its mmu_lock.
 */
#ifndef HV_PV_GRANT_PTE_H
#define HV_PV_GRANT_PTE_H

#include "hv/domain/domain.h"
#include "hv/mm/paging.h"

/* Where an entry is: at a machine address (GNTMAP_contains_pte), or what maps a guest virtual address. */
struct grant_place {
    uint64_t addr;
    bool is_pte;
};

/* Write `val`, which names a frame of `owner`, to the L1 entry. 0; -EINVAL: there is no such entry, or it may
 * not hold this. */
int pv_grant_map(struct domain *owner, struct grant_place at, pte_t val);
/* Clear the entry, if it maps `m`: 0, else -EINVAL. *flush: a TLB may still have it, to be flushed by
 * pv_grant_flush(). */
int pv_grant_unmap(struct grant_place at, mfn_t m, bool *flush);
/* Move the entry that maps the virtual address `from` to `at`, which maps `m`. 0, -EINVAL. */
int pv_grant_replace(struct grant_place at, uint64_t from, mfn_t m);
/* Flush all translations where the current domain runs. */
void pv_grant_flush(void);

#endif
