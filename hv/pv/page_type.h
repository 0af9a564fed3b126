/* SPDX-License-Identifier: MIT */
/* Page types: promotion, validation and release. The rules are the essay in page_type.c. */
#ifndef HV_PV_PAGE_TYPE_H
#define HV_PV_PAGE_TYPE_H

#include "hv/cpu/ipi.h"
#include "hv/domain/domain.h"
#include "hv/lib/bug.h"
#include "hv/mm/paging.h"

#define PGT_TABLE(level) ((uint64_t)(level) << 61) /* PGT_L1..PGT_L4 by level */

static inline unsigned int pgt_level(uint64_t type)
{
    return (unsigned int)(type >> 61); /* 1..4 for tables */
}

static inline bool pgt_is_table(uint64_t type)
{
    return pgt_level(type) - 1 < 4;
}

/* The level of the validated table of d that `f` is now, or 0. Stays so while d->mmu_lock is held. */
static inline unsigned int page_table_level(const struct frame *f, const struct domain *d)
{
    uint64_t x = READ_ONCE(f->type);

    if ((x & (PGT_VALIDATED | PGT_OWNER_MASK)) != (PGT_VALIDATED | PGT_OWNER(d->id)) || !(x & PGT_COUNT_MASK))
        return 0;
    return pgt_is_table(x) ? pgt_level(x) : 0;
}

/*
 * Take one type reference (and one general reference) on the frame `m` of domain d for `type` (PGT_L1..L4,
 * PGT_SEG_DESC). 0; -EINVAL (not d's frame, wrong type, or contents are refused), or what the refused
 * contents of an L1 say (-EBUSY, -EPERM); -ERESTART when preempted (only for L2..L4; progress is kept in the
 * frame, call again with the same arguments). Lock: d->mmu_lock.
 */
int page_get_type(mfn_t m, struct domain *d, uint64_t type);
/*
 * Release both. 0, or -ERESTART when the last reference to a table went and the release of what it refers to
 * was preempted: the reference is gone nevertheless, and page_finish_drops() does the rest. Lock: the owner's
 * mmu_lock.
 */
int page_put_type(struct frame *f);
/*
 * Go on with preempted releases. 0 when there are none any more, -ERESTART. Every operation on d's types
 * begins with it. Lock: d->mmu_lock.
 */
int page_finish_drops_slow(struct domain *d);
static inline int page_finish_drops(struct domain *d)
{
    return likely(!d->pv.drops) ? 0 : page_finish_drops_slow(d);
}

/* Writable references; the caller holds a general one. page_get_writable: false when it is a table or
 * descriptor page. A mapping of the owner's that goes is stamped before its reference is put (rule 9). */
bool __must_check page_get_writable_slow(struct frame *f);

static inline bool __must_check page_get_writable(struct frame *f)
{
    uint64_t x = READ_ONCE(f->type);

    /* The highest type is the commonest. */
    if (likely(x >= (PGT_WRITABLE | PGT_VALIDATED)) && likely(atomic_cmpxchg(&f->type, &x, x + 1)))
        return true;
    return page_get_writable_slow(f);
}

static inline void page_put_writable(struct frame *f)
{
    uint64_t x = atomic_sub_return(&f->type, 1);

    ASSERT((x & PGT_TYPE_MASK) == PGT_WRITABLE);
}

/* Pin and unpin (MMUEXT_PIN_L<level>_TABLE / UNPIN). As page_get_type and page_put_type. Lock: d->mmu_lock.
 */
int page_pin(struct domain *d, mfn_t m, unsigned int level);
int page_unpin(struct domain *d, mfn_t m);
/* For teardown: drop the guest's pin, or an abandoned validation, of d's frame if it has one. */
int page_drop_pin(struct domain *d, struct frame *f);

/*
 * Entries (pte.c). pte_update: write one entry of a validated table of d. `slot` is its direct-map address;
 * `preserve_ad` merges A/D bits that the CPU may set meanwhile; `pg_owner` owns the frames that an L1 entry
 * may refer to (foreign maps). 0, -EINVAL, -EBUSY, -EPERM, -EACCES, -ERESTART; the entry is unchanged on
 * error. Lock: d->mmu_lock.
 */
int pte_update(struct domain *d, struct domain *pg_owner, unsigned int level, pte_t *slot, pte_t val,
               bool preserve_ad);
int pte_change_l1(struct domain *d, struct domain *pg_owner, pte_t *slot, pte_t val, bool preserve_ad);
/* The same by compare-and-swap, for read-modify-write: also -EAGAIN when the entry is not `old` any more. */
int pte_replace_l1(struct domain *d, pte_t *slot, pte_t old, pte_t val);
/* The references that an L1 entry of d holds: taken before it is written, dropped when it is gone. 0 for
 * absent ones. */
int pte_get_l1(pte_t e, struct domain *d, struct domain *pg_owner);
void pte_put_l1(pte_t e, struct domain *d);

/* Bits of an L1 entry that move no reference and are always allowed: a change of these alone needs no check.
 */
#define PTE_L1_SOFT (PTE_US | PTE_A | PTE_D | PTE_G | PTE_AVAIL | PTE_AVAIL_HIGH | PTE_NX)

/* An L1 entry as it is stored: user bit, kernel mark and global bit set as the PV ABI wants. */
static inline pte_t pte_adjust_l1(pte_t e)
{
    if (!(e & PTE_US))
        return e | PTE_GUEST_KERNEL | PTE_US;
    return e & PTE_GUEST_KERNEL ? e : e | PTE_G;
}

/* pte_update for L1. One that takes the A bit away may hide that TLBs have the entry. */
static inline int pte_update_l1(struct domain *d, struct domain *pg_owner, pte_t *slot, pte_t val)
{
    pte_t old = READ_ONCE(*slot);

    if ((~val & (PTE_P | PTE_A)) || ((old ^ val) & ~PTE_L1_SOFT))
        return pte_change_l1(d, pg_owner, slot, val, false);
    WRITE_ONCE(*slot, pte_adjust_l1(val));
    return 0;
}

/* Owner of frames that are not RAM, for foreign mappings with DOMID_IO. */
extern struct domain dom_io;

#endif
