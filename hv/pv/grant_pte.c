/* SPDX-License-Identifier: MIT */
#include "hv/pv/grant_pte.h"
#include "hv/cpu/current.h"
#include "hv/cpu/ipi.h"
#include "hv/lib/errno.h"
#include "hv/mm/guest_access.h"
#include "hv/pv/page_type.h"
#include "hv/pv/pv_mm.h"

/* An L1 entry and the table it is in, with a reference to that. Lock: mmu_lock. */
struct place {
    pte_t *slot;
    struct frame *table;
};

static bool find_by_machine_address(struct domain *d, uint64_t addr, struct place *p)
{
    mfn_t m = mfn(addr >> PAGE_SHIFT);

    if (addr % sizeof(pte_t) || !frame_get_from_mfn(m, d))
        return false;
    p->table = mfn_to_frame(m);
    p->slot = (pte_t *)(void *)((char *)frame_to_virt(p->table) + addr % PAGE_SIZE);
    if ((p->table->type & (PGT_TYPE_MASK | PGT_VALIDATED)) == (PGT_L1 | PGT_VALIDATED) &&
        (p->table->type & PGT_COUNT_MASK))
        return true;
    frame_put(p->table);
    return false;
}

static bool find(struct domain *d, struct grant_place at, struct place *p)
{
    if (at.is_pte)
        return find_by_machine_address(d, at.addr, p);
    if (!guest_range_ok(gva(at.addr), 1))
        return false;
    p->slot = pv_l1e_of(current, at.addr);
    if (!p->slot)
        return false;
    p->table = mfn_to_frame(virt_to_mfn(p->slot));
    return frame_get(p->table, d);
}

int pv_grant_map(struct domain *owner, struct grant_place at, pte_t val)
{
    struct domain *d = current->domain;
    struct place p;
    int rc = -EINVAL;

    spin_lock(&d->mmu_lock);
    if (find(d, at, &p)) {
        rc = pte_update_l1(d, owner, p.slot, val);
        frame_put(p.table);
    }
    spin_unlock(&d->mmu_lock);
    return rc;
}

static bool maps(const pte_t *slot, mfn_t m)
{
    pte_t e = READ_ONCE(*slot);

    return (e & PTE_P) && mfn_eq(pte_mfn(e), m);
}

int pv_grant_unmap(struct grant_place at, mfn_t m)
{
    struct domain *d = current->domain;
    struct place p;
    int rc = -EINVAL;

    spin_lock(&d->mmu_lock);
    if (find(d, at, &p)) {
        if (maps(p.slot, m))
            rc = pte_update_l1(d, d, p.slot, 0);
        frame_put(p.table);
    }
    spin_unlock(&d->mmu_lock);
    return rc;
}

/* Lock: mmu_lock. */
static int move_entry(struct domain *d, const struct place *to, const struct place *from, mfn_t m)
{
    pte_t e = READ_ONCE(*from->slot);
    int rc = maps(to->slot, m) ? pte_update_l1(d, d, to->slot, e) : -EINVAL;

    return rc ? rc : pte_update_l1(d, d, from->slot, 0);
}

int pv_grant_replace(struct grant_place at, uint64_t from_va, mfn_t m)
{
    struct domain *d = current->domain;
    struct place to, from;
    int rc = -EINVAL;

    spin_lock(&d->mmu_lock);
    if (find(d, at, &to)) {
        if (find(d, (struct grant_place){ .addr = from_va }, &from)) {
            rc = move_entry(d, &to, &from, m);
            frame_put(from.table);
        }
        frame_put(to.table);
    }
    spin_unlock(&d->mmu_lock);
    return rc;
}

void pv_grant_flush(uint64_t va)
{
    cpumask_t mask = { 0 };
    struct vcpu *v;

    for_each_vcpu (current->domain, v)
        mask.bits |= READ_ONCE(v->dirty_cpus.bits);
    tlb_flush_mask(mask, va);
}
