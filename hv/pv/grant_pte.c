/* SPDX-License-Identifier: MIT */
#include "hv/pv/grant_pte.h"
#include "hv/cpu/current.h"
#include "hv/cpu/ipi.h"
#include "hv/lib/errno.h"
#include "hv/mm/guest_access.h"
#include "hv/pv/page_type.h"
#include "hv/pv/pv_mm.h"

/*
 * The L1 entry that is meant, NULL when there is none. What is a validated table stays one while the lock is
 * held, so that no reference to it is needed. Lock: mmu_lock.
 */
static pte_t *entry_at(struct domain *d, struct grant_place at)
{
    mfn_t m = mfn(at.addr >> PAGE_SHIFT);

    if (likely(!at.is_pte))
        return pv_l1e_of(current, at.addr);
    if (at.addr % sizeof(pte_t) || !mfn_valid(m) || page_table_level(mfn_to_frame(m), d) != 1)
        return NULL;
    return (pte_t *)mfn_to_virt(m) + at.addr % PAGE_SIZE / sizeof(pte_t);
}

static bool maps(const pte_t *slot, mfn_t m)
{
    pte_t e = READ_ONCE(*slot);

    return (e & PTE_P) && mfn_eq(pte_mfn(e), m);
}

int pv_grant_map(struct domain *owner, struct grant_place at, pte_t val)
{
    struct domain *d = current->domain;
    pte_t *slot;
    int rc;

    spin_lock(&d->mmu_lock);
    slot = entry_at(d, at);
    rc = slot ? pte_update_l1(d, owner, slot, val) : -EINVAL;
    pv_mmu_unlock(d);
    return rc;
}

/* Clear the entry and tell what it was in the end: CPUs may be setting its A and D bits. 0, -EINVAL. Lock:
 * mmu_lock. */
static int take_away(struct domain *d, pte_t *slot, mfn_t m, pte_t *was)
{
    int rc;

    do {
        *was = READ_ONCE(*slot);
        rc = maps(was, m) ? pte_replace_l1(d, slot, *was, 0) : -EINVAL;
    } while (rc == -EAGAIN);
    return rc;
}

/* Entries are written without the A bit, and a CPU sets it before the entry goes into its TLB: without it
 * nobody ever had it. */
int pv_grant_unmap(struct grant_place at, mfn_t m, bool *flush)
{
    struct domain *d = current->domain;
    pte_t *slot, was = 0;
    uint8_t owed;
    int rc;

    spin_lock(&d->mmu_lock);
    owed = d->pv.owes;
    slot = entry_at(d, at);
    rc = slot ? take_away(d, slot, m, &was) : -EINVAL;
    d->pv.owes = owed; /* for this entry the caller flushes, if it is needed */
    spin_unlock(&d->mmu_lock);
    *flush = was & PTE_A;
    return rc;
}

int pv_grant_replace(struct grant_place at, uint64_t from, mfn_t m)
{
    struct domain *d = current->domain;
    pte_t *to_slot, *from_slot;
    int rc = -EINVAL;

    spin_lock(&d->mmu_lock);
    to_slot = entry_at(d, at);
    from_slot = entry_at(d, (struct grant_place){ .addr = from });
    if (to_slot && from_slot && maps(to_slot, m))
        rc = pte_update_l1(d, d, to_slot, READ_ONCE(*from_slot));
    if (!rc)
        rc = pte_update_l1(d, d, from_slot, 0);
    spin_unlock(&d->mmu_lock);
    return rc;
}

void pv_grant_flush(void)
{
    tlb_flush_mask(pv_dirty_cpus(current->domain), FLUSH_ALL_VA);
}
