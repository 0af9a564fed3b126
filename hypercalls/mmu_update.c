/* SPDX-License-Identifier: MIT */
/* mmu_update: a list of page-table and machine-to-phys entries to write. */
#include "hypercalls/mmu.h"
#include "hv/domain/work.h"
#include "hv/mm/m2p.h"

/* One call: tables of `pt_owner` get entries that refer to frames of `pg_owner`. */
struct mmu_call {
    struct domain *pt_owner, *pg_owner;
    int denied; /* -EPERM when the caller may not */
};

/* An entry of a page table, or 8 bytes of a page that nobody uses as one. */
static int update_entry(const struct mmu_call *c, const struct mmu_update *req, bool preserve_ad)
{
    mfn_t m = mfn(req->ptr >> PAGE_SHIFT);
    struct frame *f = mfn_to_frame(m);
    unsigned int level;
    pte_t *slot;

    if (unlikely(!mfn_valid(m)))
        return -EINVAL;
    slot = (pte_t *)((char *)mfn_to_virt(m) + (req->ptr & ~PAGE_MASK & ~7ULL));
    level = page_table_level(f, c->pt_owner);
    if (likely(level))
        return pte_update(c->pt_owner, c->pg_owner, level, slot, req->val, preserve_ad);

    if (!frame_get(f, c->pt_owner))
        return -EINVAL;
    if (!page_get_writable(f)) {
        frame_put(f);
        return -EINVAL;
    }
    WRITE_ONCE(*slot, req->val);
    page_put_writable(f);
    frame_put(f);
    return 0;
}

static int update_machphys(const struct mmu_call *c, const struct mmu_update *req)
{
    mfn_t m = mfn(req->ptr >> PAGE_SHIFT);

    if (c->pt_owner != current->domain)
        return -EPERM;
    if (!frame_get_from_mfn(m, c->pg_owner))
        return -EINVAL;
    m2p_set(m, req->val);
    frame_put(mfn_to_frame(m));
    return 0;
}

static int update_one(const struct mmu_call *c, const struct mmu_update *req)
{
    unsigned int cmd = req->ptr & 7;

    if (unlikely(cmd > MMU_PT_UPDATE_NO_TRANSLATE))
        return -ENOSYS;
    if (unlikely(c->denied))
        return c->denied;
    if (unlikely(cmd == MMU_MACHPHYS_UPDATE))
        return update_machphys(c, req);
    return update_entry(c, req, cmd == MMU_PT_UPDATE_PRESERVE_AD);
}

/* Requests [*done, count) one after the other; stops at the first that fails or when the time is up. */
static int update_list(const struct mmu_call *c, gva_t list, uint32_t count, uint32_t *done)
{
    struct mmu_update req;
    int rc = page_finish_drops(c->pt_owner);

    while (!rc && *done < count) {
        if (unlikely(work_exhausted(1) && *done))
            return -ERESTART;
        if (unlikely(read_guest_elem(&req, list, *done)))
            return -EFAULT;
        rc = update_one(c, &req);
        if (unlikely(rc))
            return rc;
        ++*done;
        rc = page_finish_drops(c->pt_owner);
    }
    return rc;
}

static int64_t update_owned(uint64_t arg[6], const struct mmu_call *c)
{
    uint32_t count = (uint32_t)arg[1] & ~(uint32_t)MMU_CALL_PREEMPTED, done = 0;
    int rc;

    spin_lock(&c->pt_owner->mmu_lock);
    rc = update_list(c, gva(arg[0]), count, &done);
    if (pv_foreign_flush_needed(c->pt_owner))
        pv_foreign_flush(c->pt_owner);
    spin_unlock(&c->pt_owner->mmu_lock);
    return mmu_finish(arg, done, count, sizeof(struct mmu_update), rc);
}

/*
 * arg: list of struct mmu_update, count (bit 31: MMU_CALL_PREEMPTED), pointer to the number done or NULL, and
 * two domains: bits 0..15 who owns the frames that entries refer to, bits 16..31 who owns the tables, plus 1
 * (0: the caller). 0; -EFAULT, -ESRCH; -EINVAL for what is not pt_owner's memory; -EPERM, -ENOSYS (command),
 * and pte_update's errors.
 */
int64_t do_mmu_update(uint64_t arg[6])
{
    uint32_t count = (uint32_t)arg[1] & ~(uint32_t)MMU_CALL_PREEMPTED, domids = (uint32_t)arg[3];
    struct mmu_call c = { .pt_owner = current->domain };
    int64_t rc = -ESRCH;

    if (unlikely(!guest_range_ok(gva(arg[0]), (uint64_t)count * sizeof(struct mmu_update))))
        return -EFAULT;
    if (unlikely(domids >> 16)) {
        c.pt_owner = domain_by_id((domid_t)((domids >> 16) - 1));
        if (!c.pt_owner)
            return -ESRCH;
        if (c.pt_owner == current->domain)
            domain_put(c.pt_owner);
    }
    c.pg_owner = mmu_owner_get((domid_t)domids);
    if (likely(c.pg_owner)) {
        c.denied = mmu_may_use(c.pg_owner);
        if (!c.denied)
            c.denied = mmu_may_use(c.pt_owner);
        rc = update_owned(arg, &c);
        mmu_owner_put(c.pg_owner);
    }
    mmu_owner_put(c.pt_owner);
    return rc;
}
