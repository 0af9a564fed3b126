/* SPDX-License-Identifier: MIT */
/* mmuext_op: pins, base pointers, TLB and cache flushes, LDT, and whole pages. */
#include "hypercalls/mmu.h"
#include "hv/cpu/insn.h"
#include "hv/cpu/ipi.h"
#include "hv/domain/work.h"
#include "hv/lib/rangeset.h"
#include "hv/lib/string.h"
#include "hv/pv/pv.h"

typedef int mmuext_fn(const struct mmuext_op *op, struct domain *pg_owner);

static int pin_table(const struct mmuext_op *op, struct domain *pg_owner)
{
    return page_pin(pg_owner, mfn(op->arg1.mfn), op->cmd - MMUEXT_PIN_L1_TABLE + 1);
}

/* When the release is preempted the pin is gone nevertheless, and the list goes on after the rest of the
 * work. */
static int unpin_table(const struct mmuext_op *op, struct domain *pg_owner)
{
    int rc = page_unpin(pg_owner, mfn(op->arg1.mfn));

    return rc == -ERESTART ? 0 : rc;
}

static int new_base(const struct mmuext_op *op, struct domain *pg_owner __unused)
{
    return pv_new_base(current, mfn(op->arg1.mfn));
}

static int new_user_base(const struct mmuext_op *op, struct domain *pg_owner __unused)
{
    return pv_new_user_base(current, mfn(op->arg1.mfn));
}

static int flush_local(const struct mmuext_op *op __unused, struct domain *pg_owner __unused)
{
    tlb_flush_local();
    return 0;
}

static int invlpg_local(const struct mmuext_op *op, struct domain *pg_owner __unused)
{
    if (guest_range_ok(gva(op->arg1.linear_addr), 1))
        invlpg(op->arg1.linear_addr);
    return 0;
}

/* One page on `cpus`; addresses that are not a guest's are ignored. */
static int invlpg_on(cpumask_t cpus, uint64_t va)
{
    if (guest_range_ok(gva(va), 1))
        mmu_flush(cpus, va);
    return 0;
}

static int flush_multi(const struct mmuext_op *op, struct domain *pg_owner)
{
    cpumask_t cpus;

    if (pv_vcpumask_cpus(pg_owner, gva_of_handle(op->arg2.vcpumask), &cpus))
        return -EINVAL;
    if (op->cmd == MMUEXT_INVLPG_MULTI)
        return invlpg_on(cpus, op->arg1.linear_addr);
    mmu_flush(cpus, FLUSH_ALL_VA);
    return 0;
}

static int flush_all(const struct mmuext_op *op, struct domain *pg_owner)
{
    if (op->cmd == MMUEXT_INVLPG_ALL)
        return invlpg_on(pv_dirty_cpus(pg_owner), op->arg1.linear_addr);
    mmu_flush(pv_dirty_cpus(pg_owner), FLUSH_ALL_VA);
    return 0;
}

static void write_back_caches(void *arg __unused)
{
    __asm__ volatile("wbinvd" ::: "memory");
}

static int flush_cache(const struct mmuext_op *op __unused, struct domain *pg_owner)
{
    if (rangeset_is_empty(pg_owner->iomem) && rangeset_is_empty(pg_owner->ioports))
        return -EACCES;
    on_cpus(cpu_online_map, write_back_caches, NULL);
    return 0;
}

static int set_ldt(const struct mmuext_op *op, struct domain *pg_owner __unused)
{
    uint64_t entries = op->arg2.nr_ents;
    uint64_t base = entries ? op->arg1.linear_addr : 0;

    if (entries && !guest_range_ok(gva(base), 1))
        return -EINVAL;
    return pv_set_ldt(current, base, entries);
}

/* The frame `m` of d with a reference and a writable one, or NULL. */
static struct frame *get_writable_frame(uint64_t m, struct domain *d)
{
    struct frame *f = mfn_to_frame(mfn(m));

    if (!frame_get_from_mfn(mfn(m), d))
        return NULL;
    if (!page_get_writable(f)) {
        frame_put(f);
        return NULL;
    }
    return f;
}

static void put_writable_frame(struct frame *f)
{
    page_put_writable(f);
    frame_put(f);
}

static int clear_page(const struct mmuext_op *op, struct domain *pg_owner)
{
    struct frame *f = get_writable_frame(op->arg1.mfn, pg_owner);

    if (!f)
        return -EINVAL;
    memset(frame_to_virt(f), 0, PAGE_SIZE);
    put_writable_frame(f);
    return 0;
}

static int copy_page(const struct mmuext_op *op, struct domain *pg_owner)
{
    struct frame *from = mfn_to_frame(mfn(op->arg2.src_mfn)), *to;

    if (!frame_get_from_mfn(mfn(op->arg2.src_mfn), pg_owner))
        return -EINVAL;
    to = get_writable_frame(op->arg1.mfn, pg_owner);
    if (to) {
        memcpy(frame_to_virt(to), frame_to_virt(from), PAGE_SIZE);
        put_writable_frame(to);
    }
    frame_put(from);
    return to ? 0 : -EINVAL;
}

static int mark_super(const struct mmuext_op *op __unused, struct domain *pg_owner __unused)
{
    return -EOPNOTSUPP;
}

#define OWN    BIT(0) /* only on the caller's own behalf: -EPERM when another domain is named */
#define LOCKED BIT(1) /* runs with mmu_lock held */
#define ANY    BIT(2) /* hardware guests may do it too, to PV domains that they build */

static const struct {
    mmuext_fn *fn;
    uint32_t flags;
} mmuext_table[] = {
    [MMUEXT_PIN_L1_TABLE] = { pin_table, LOCKED | ANY },
    [MMUEXT_PIN_L2_TABLE] = { pin_table, LOCKED | ANY },
    [MMUEXT_PIN_L3_TABLE] = { pin_table, LOCKED | ANY },
    [MMUEXT_PIN_L4_TABLE] = { pin_table, LOCKED | ANY },
    [MMUEXT_UNPIN_TABLE] = { unpin_table, LOCKED | ANY },
    [MMUEXT_NEW_BASEPTR] = { new_base, OWN | LOCKED },
    [MMUEXT_TLB_FLUSH_LOCAL] = { flush_local, OWN },
    [MMUEXT_INVLPG_LOCAL] = { invlpg_local, OWN },
    [MMUEXT_TLB_FLUSH_MULTI] = { flush_multi, OWN },
    [MMUEXT_INVLPG_MULTI] = { flush_multi, OWN },
    [MMUEXT_TLB_FLUSH_ALL] = { flush_all, OWN },
    [MMUEXT_INVLPG_ALL] = { flush_all, OWN },
    [MMUEXT_FLUSH_CACHE] = { flush_cache, OWN },
    [MMUEXT_SET_LDT] = { set_ldt, OWN | LOCKED },
    [MMUEXT_NEW_USER_BASEPTR] = { new_user_base, OWN | LOCKED },
    [MMUEXT_CLEAR_PAGE] = { clear_page, 0 },
    [MMUEXT_COPY_PAGE] = { copy_page, 0 },
    [MMUEXT_FLUSH_CACHE_GLOBAL] = { flush_cache, OWN },
    [MMUEXT_MARK_SUPER] = { mark_super, 0 },
    [MMUEXT_UNMARK_SUPER] = { mark_super, 0 },
};

static inline bool unfinished(const struct domain *d)
{
    return unlikely(READ_ONCE(d->pv.drops));
}

/* Releases that an earlier operation did not finish. */
static int finish_drops(struct domain *d)
{
    int rc;

    if (!unfinished(d))
        return 0;
    spin_lock(&d->mmu_lock);
    rc = page_finish_drops(d);
    pv_mmu_unlock(d);
    return rc;
}

static __noinline int may_do_to_other(const struct domain *self, uint32_t flags)
{
    if (flags & OWN)
        return -EPERM;
    return is_hvm_domain(self) && !(flags & ANY) ? -EOPNOTSUPP : 0;
}

static int run_op(const struct mmuext_op *op, const struct domain *self, struct domain *pg_owner)
{
    mmuext_fn *fn = op->cmd < ARRAY_SIZE(mmuext_table) ? mmuext_table[op->cmd].fn : NULL;
    uint32_t flags;
    int rc;

    if (unlikely(!fn))
        return -ENOSYS;
    flags = mmuext_table[op->cmd].flags;
    rc = unlikely(pg_owner != self) ? may_do_to_other(self, flags) : 0;
    if (unlikely(rc))
        return rc;
    if (!(flags & LOCKED))
        return fn(op, pg_owner);
    spin_lock(&pg_owner->mmu_lock);
    rc = fn(op, pg_owner);
    pv_mmu_unlock(pg_owner);
    return rc;
}

/* The whole range of the list was checked. */
static int64_t run_list(uint64_t arg[6], uint32_t count, const struct domain *self, struct domain *pg_owner)
{
    struct mmuext_op op;
    uint32_t done = 0;
    int rc = finish_drops(pg_owner);

    while (!rc && done < count) {
        if (done && unlikely(work_exhausted(1))) {
            rc = -ERESTART;
            break;
        }
        rc = read_in_range(&op, arg[0] + (uint64_t)done * sizeof(op), sizeof(op));
        if (likely(!rc))
            rc = run_op(&op, self, pg_owner);
        if (unlikely(rc))
            break;
        done++;
        rc = finish_drops(pg_owner);
    }
    return mmu_finish(arg, done, count, sizeof(op), rc);
}

/* The commonest case: one operation on the caller's own behalf. */
static int64_t run_single(uint64_t arg[6], struct domain *self)
{
    struct mmuext_op op;
    int rc;

    if (unlikely(read_guest(&op, gva(arg[0]))))
        return -EFAULT;
    rc = run_op(&op, self, self);
    if (likely(!rc) && unfinished(self))
        return mmu_finish(arg, 1, 1, sizeof(op), finish_drops(self));
    return likely(rc != -ERESTART) ? rc : mmu_finish(arg, 0, 1, sizeof(op), rc);
}

static int64_t run_foreign(uint64_t arg[6], uint32_t count, const struct domain *self)
{
    struct domain *pg_owner = mmu_owner_get((domid_t)arg[3]);
    int64_t rc;

    if (!pg_owner)
        return -ESRCH;
    /* A hardware guest writes its memory as it likes: nothing there may count as a page table. */
    rc = pg_owner == &dom_io || is_hvm_domain(pg_owner) ? -EINVAL : mmu_may_use(pg_owner);
    if (!rc)
        rc = run_list(arg, count, self, pg_owner);
    mmu_owner_put(pg_owner);
    return rc;
}

/*
 * arg: list of struct mmuext_op, count (bit 31: MMU_CALL_PREEMPTED), pointer to the number done or NULL,
 * domain whose memory is meant. 0; -EFAULT; -ESRCH; -EINVAL; -EPERM; -EACCES; -ENOSYS for an unknown command;
 * -EOPNOTSUPP.
 */
int64_t do_mmuext_op(uint64_t arg[6])
{
    uint32_t count = (uint32_t)arg[1] & ~(uint32_t)MMU_CALL_PREEMPTED;
    struct domain *self = current->domain;

    if (unlikely(is_hvm_domain(self)) && (domid_t)arg[3] == DOMID_SELF)
        return -EINVAL;
    if (likely(arg[1] == 1 && !arg[2] && (domid_t)arg[3] == DOMID_SELF && !unfinished(self)))
        return run_single(arg, self);
    if (unlikely(!guest_range_ok(gva(arg[0]), (uint64_t)count * sizeof(struct mmuext_op))))
        return -EFAULT;
    return (domid_t)arg[3] == DOMID_SELF ? run_list(arg, count, self, self) : run_foreign(arg, count, self);
}
