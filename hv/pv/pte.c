/* SPDX-License-Identifier: MIT */
/* Page-table entries of PV guests: which are allowed, what they hold, and how they change. The rules:
 * page_type.c. */
#include "hv/cpu/current.h"
#include "hv/lib/errno.h"
#include "hv/lib/rangeset.h"
#include "hv/pv/l1tf.h"
#include "hv/pv/page_type.h"
#include "hv/pv/pv.h"
#include "hv/pv/pv_mm.h"

/* Above L1 a global bit, a superpage and cache attributes are refused. */
#define UPPER_REFUSED (PTE_PWT | PTE_PCD | PTE_PSE | PTE_G)
#define UPPER_SOFT    (PTE_US | PTE_A | PTE_D | PTE_AVAIL | PTE_AVAIL_HIGH | PTE_NX)

struct domain dom_io = { .id = DOMID_IO };

static bool may_set_cache(const struct domain *d)
{
    return !rangeset_is_empty(d->iomem) || !rangeset_is_empty(d->ioports);
}

/* A frame that is no RAM. Both the domain that maps and the one whose memory is meant need the permission. */
static int io_get(pte_t e, const struct domain *d, const struct domain *pg_owner)
{
    uint64_t m = pte_mfn(e).m;

    if (pg_owner == &dom_io)
        pg_owner = current->domain;
    if (!rangeset_contains(d->iomem, m, m) || (pg_owner != d && !rangeset_contains(pg_owner->iomem, m, m)))
        return m == PTE_ADDR >> PAGE_SHIFT ? -EINVAL : -EPERM;
    if (e & PTE_ADDR & ~pte_phys_mask)
        return -EINVAL;
    return mfn_is_ram(mfn(m)) ? -EBUSY : 0;
}

/* What is not simply a frame of pg_owner with the usual cache attribute. */
static __noinline int get_l1_unusual(pte_t e, struct domain *d, struct domain *pg_owner)
{
    mfn_t m = pte_mfn(e);
    struct frame *f = mfn_to_frame(m);
    bool shared;

    if ((e & PTE_CACHE) && !may_set_cache(d))
        return -EINVAL;
    if (!mfn_valid(m) || f->owner == DOMID_IO)
        return io_get(e, d, pg_owner);
    if (!frame_get_owned(m, pg_owner->id))
        return -EBUSY;
    shared = (e & PTE_CACHE) && (f->count & FRAME_HV_SHARED);
    if (!shared && (!(e & PTE_RW) || page_get_writable(f)))
        return 0;
    frame_put(f);
    return shared ? -EACCES : -EBUSY;
}

int pte_get_l1(pte_t e, struct domain *d, struct domain *pg_owner)
{
    struct frame *f = mfn_to_frame(pte_mfn(e));

    if (unlikely(e & PTE_CACHE) || unlikely(!frame_get_owned(pte_mfn(e), pg_owner->id)))
        return get_l1_unusual(e, d, pg_owner);
    if (!(e & PTE_RW) || likely(page_get_writable(f)))
        return 0;
    frame_put(f);
    return -EBUSY;
}

/* Removing a mapping of a descriptor page: the LDT may have been seen through it, so it is read anew. */
static void forget_ldts(struct domain *d)
{
    struct vcpu *v;

    for_each_vcpu (d, v)
        pv_drop_ldt(v);
}

void pte_put_l1(pte_t e, struct domain *d)
{
    mfn_t m = pte_mfn(e);
    struct frame *f = mfn_to_frame(m);

    if (!(e & PTE_P) || unlikely(!mfn_valid(m) || f->owner == DOMID_IO))
        return;
    if (e & PTE_RW) {
        if (likely(f->owner == d->id))
            f->stamp = tlb_clock_now();
        else
            d->pv.owes |= PV_OWES_FLUSH;
        page_put_writable(f);
    } else if (unlikely((f->type & PGT_TYPE_MASK) == PGT_SEG_DESC) && (f->type & PGT_COUNT_MASK) &&
               f->owner == d->id) {
        forget_ldts(d);
    }
    frame_put(f);
}

static void slot_write(pte_t *slot, pte_t old, pte_t val, bool preserve_ad)
{
    if (!preserve_ad) {
        WRITE_ONCE(*slot, val);
        return;
    }
    /* Only the CPUs' A and D bits can come in between. */
    while (!atomic_cmpxchg(slot, &old, val | (old & (PTE_A | PTE_D))))
        ;
}

/*
 * An entry was written without the A bit, which it may have had, or been given by a CPU just before. When a
 * grant is unmapped the bit says whether TLBs have the entry, so they must not have it from here on.
 */
static void forget_accessed(struct domain *d, pte_t e)
{
    mfn_t m = pte_mfn(e);

    if (!mfn_valid(m) || mfn_to_frame(m)->owner != d->id)
        d->pv.owes |= PV_OWES_FLUSH;
}

int pte_change_l1(struct domain *d, struct domain *pg_owner, pte_t *slot, pte_t val, bool preserve_ad)
{
    pte_t old = READ_ONCE(*slot);
    int rc;

    if (!(val & PTE_P)) {
        if (pv_l1tf_refuses(d, val, 1))
            return -EINVAL;
        slot_write(slot, old, val, preserve_ad);
    } else if (!((old ^ val) & ~PTE_L1_SOFT)) {
        slot_write(slot, old, pte_adjust_l1(val), preserve_ad);
        if (!preserve_ad && !(val & PTE_A))
            forget_accessed(d, val);
        return 0;
    } else {
        rc = pte_get_l1(val, d, pg_owner);
        if (unlikely(rc))
            return rc;
        slot_write(slot, old, pte_adjust_l1(val), preserve_ad);
    }
    pte_put_l1(old, d);
    return 0;
}

int pte_replace_l1(struct domain *d, pte_t *slot, pte_t old, pte_t val)
{
    bool soft = (val & PTE_P) && !((old ^ val) & ~PTE_L1_SOFT), take = (val & PTE_P) && !soft;
    pte_t seen = old;
    int rc = take ? pte_get_l1(val, d, d) : 0;

    if (rc)
        return rc;
    if (!(val & PTE_P) && pv_l1tf_refuses(d, val, 1))
        return -EINVAL;
    if (!atomic_cmpxchg(slot, &seen, val & PTE_P ? pte_adjust_l1(val) : val)) {
        if (take)
            pte_put_l1(val, d);
        return -EAGAIN;
    }
    if (!soft)
        pte_put_l1(old, d);
    else if (!(val & PTE_A))
        forget_accessed(d, val);
    return 0;
}

int pte_get_upper(pte_t e, struct domain *d, const struct frame *table, unsigned int level)
{
    if (e & UPPER_REFUSED)
        return -EINVAL;
    if (unlikely(mfn_eq(pte_mfn(e), frame_to_mfn(table))))
        return e & PTE_RW ? -EINVAL : 0;
    return page_get_type(pte_mfn(e), d, PGT_TABLE(level - 1));
}

void pte_put_upper(pte_t e, struct domain *d, const struct frame *table)
{
    if ((e & PTE_P) && !mfn_eq(pte_mfn(e), frame_to_mfn(table)))
        page_put_upper(d, mfn_to_frame(pte_mfn(e)));
}

static int pte_update_upper(struct domain *d, unsigned int level, pte_t *slot, pte_t val, bool preserve_ad)
{
    struct frame *table = mfn_to_frame(virt_to_mfn(slot));
    unsigned int index = ((uint64_t)slot & ~PAGE_MASK) / sizeof(pte_t);
    pte_t old = READ_ONCE(*slot);
    int rc;

    if (level == 4 && index >= HV_FIRST_SLOT && index <= HV_LAST_SLOT)
        return -EINVAL;
    if (!(val & PTE_P)) {
        if (pv_l1tf_refuses(d, val, level))
            return -EINVAL;
        slot_write(slot, old, val, preserve_ad);
    } else if (!((old ^ val) & ~UPPER_SOFT)) {
        slot_write(slot, old, val | PTE_US, preserve_ad);
        return 0;
    } else {
        rc = pte_get_upper(val, d, table, level);
        if (rc)
            return rc;
        slot_write(slot, old, val | PTE_US, preserve_ad);
    }
    pte_put_upper(old, d, table);
    return 0;
}

int pte_update(struct domain *d, struct domain *pg_owner, unsigned int level, pte_t *slot, pte_t val,
               bool preserve_ad)
{
    if (likely(level == 1))
        return pte_change_l1(d, pg_owner, slot, val, preserve_ad);
    /* Tables are shared with nobody. */
    return d == pg_owner ? pte_update_upper(d, level, slot, val, preserve_ad) : -EINVAL;
}
