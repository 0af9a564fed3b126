/* SPDX-License-Identifier: MIT */
/* mmu_update: a list of page-table and machine-to-phys entries to write. */
#include "hypercalls/mmu.h"
#include "hv/domain/work.h"
#include "hv/mm/m2p.h"

/* One call: tables of `pt_owner` get entries that refer to frames of `pg_owner`. */
struct mmu_call {
    const struct domain *self; /* the caller */
    struct domain *pt_owner, *pg_owner;
    int denied;     /* -EPERM when the caller may not */
    bool translate; /* pg_owner is a hardware guest: entries name its guest frames */
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
    if (likely(level == 1) && !preserve_ad)
        return pte_update_l1(c->pt_owner, c->pg_owner, slot, req->val);
    if (level)
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

    if (c->pt_owner != c->self)
        return -EPERM;
    if (!frame_get_from_mfn(m, c->pg_owner))
        return -EINVAL;
    m2p_set(m, req->val);
    frame_put(mfn_to_frame(m));
    return 0;
}

static int update_one(const struct mmu_call *c, struct mmu_update *req)
{
    unsigned int cmd = req->ptr & 7;

    if (unlikely(cmd > MMU_PT_UPDATE_NO_TRANSLATE))
        return -ENOSYS;
    if (unlikely(c->denied))
        return c->denied;
    if (unlikely(c->translate) && !mmu_translate(c->pg_owner, &req->val))
        return -EINVAL;
    if (unlikely(cmd == MMU_MACHPHYS_UPDATE))
        return update_machphys(c, req);
    return update_entry(c, req, cmd == MMU_PT_UPDATE_PRESERVE_AD);
}

/* Requests one after the other, until one fails or the time is up. The whole range of the list was checked.
 */
static int64_t update_list(uint64_t arg[6], uint32_t count, const struct mmu_call *c)
{
    struct domain *pt_owner = c->pt_owner;
    struct mmu_update req;
    uint32_t done = 0;
    int rc;

    spin_lock(&pt_owner->mmu_lock);
    rc = page_finish_drops(pt_owner);
    while (!rc && done < count) {
        if (done && unlikely(work_exhausted(1))) {
            rc = -ERESTART;
            break;
        }
        rc = read_checked_elem(&req, gva(arg[0]), done);
        if (likely(!rc))
            rc = update_one(c, &req);
        if (unlikely(rc))
            break;
        done++;
        rc = page_finish_drops(pt_owner);
    }
    pv_mmu_unlock(pt_owner);
    return mmu_finish(arg, done, count, sizeof(req), rc);
}

/* On behalf of other domains, or naming their frames. */
static int64_t update_foreign(uint64_t arg[6], uint32_t count, struct domain *self)
{
    struct mmu_call c = { .self = self, .pt_owner = self };
    uint32_t domids = (uint32_t)arg[3];
    int64_t rc = -ESRCH;

    if (domids >> 16) {
        c.pt_owner = mmu_owner_get((domid_t)((domids >> 16) - 1));
        if (!c.pt_owner || c.pt_owner == &dom_io)
            return -ESRCH;
    }
    c.pg_owner = mmu_owner_get((domid_t)domids);
    if (c.pg_owner) {
        c.denied = mmu_may_use(c.pg_owner);
        if (!c.denied)
            c.denied = mmu_may_use(c.pt_owner);
        c.translate = is_hvm_domain(c.pg_owner);
        rc = update_list(arg, count, &c);
        mmu_owner_put(c.pg_owner);
    }
    mmu_owner_put(c.pt_owner);
    return rc;
}

/*
 * arg: list of struct mmu_update, count (bit 31: MMU_CALL_PREEMPTED), pointer to the number done or NULL, and
 * two domains: bits 0..15 who owns the frames that entries refer to, bits 16..31 who owns the tables, plus 1
 * (0: the caller). 0; -EFAULT, -ESRCH; -EINVAL for what is not pt_owner's memory; -EPERM, -ENOSYS (command),
 * and pte_update's errors.
 */
int64_t do_mmu_update(uint64_t arg[6])
{
    uint32_t count = (uint32_t)arg[1] & ~(uint32_t)MMU_CALL_PREEMPTED;
    struct domain *self = current->domain;
    struct mmu_call own = { .self = self, .pt_owner = self, .pg_owner = self };

    if (unlikely(!guest_range_ok(gva(arg[0]), (uint64_t)count * sizeof(struct mmu_update))))
        return -EFAULT;
    return likely((uint32_t)arg[3] == DOMID_SELF) ? update_list(arg, count, &own)
                                                  : update_foreign(arg, count, self);
}
