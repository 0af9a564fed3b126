/* SPDX-License-Identifier: MIT */
/* Page types: promotion, validation and release. The rules are the essay in page_type.c. */
#ifndef HV_PV_PAGE_TYPE_H
#define HV_PV_PAGE_TYPE_H

#include "hv/domain/domain.h"
#include "hv/mm/paging.h"

/*
 * Take one type reference (and one general reference) on the frame `m` of domain d for `type` (PGT_*).
 * 0; -EINVAL (not d's frame, wrong type, or contents are refused); -ERESTART when preempted (only for L2..L4; progress is kept in
 * the frame, call again with the same arguments). Lock: d->mmu_lock held for L1..L4 and seg_desc.
 */
int page_get_type(mfn_t m, struct domain *d, uint64_t type);
/* Release both; -ERESTART when a table's devalidation was preempted (the references stay until it is finished). */
int page_put_type(struct frame *f);
/* The general reference alone is released by frame_put(). Writable references of mappings: */
bool page_get_writable(struct frame *f); /* on a frame already referenced; false when it is a table or descriptor page */
void page_put_writable(struct frame *f);

/* Pin and unpin (MMUEXT_PIN_L<level>_TABLE / UNPIN). 0, -EINVAL, -ERESTART. Lock: d->mmu_lock. */
int page_pin(struct domain *d, mfn_t m, unsigned int level);
int page_unpin(struct domain *d, mfn_t m);

/*
 * Write one entry of a validated table. `level` 1..4; `slot` is its direct-map address; `preserve_ad` merges A/D bits that the CPU
 * may set meanwhile. 0, -EINVAL. Lock: the owner's mmu_lock. `pg_owner` owns the frames that the entry may refer to (foreign maps).
 */
int pte_update(struct domain *d, struct domain *pg_owner, struct frame *table, unsigned int level, pte_t *slot, pte_t val, bool preserve_ad);

/* Direct-map address of the L1 entry that maps `va` in the current kernel tables of v, or NULL. Lock: mmu_lock. */
pte_t *pv_l1e_of(struct vcpu *v, uint64_t va, struct frame **l1_frame);

#endif
