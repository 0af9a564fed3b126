/* SPDX-License-Identifier: MIT */
/*
 * Copies between frames that the caller owns and frames granted to it. Neighbouring elements of an array
 * mostly name the same frames, so the last source and destination are kept until another one is asked for, or
 * the array ends.
 */
#include "hypercalls/grant_table.h"
#include "hv/hvm/log_dirty.h"
#include "hypercalls/hypercall.h"
#include "hv/lib/string.h"
#include "hv/pv/page_type.h"

#define COPY_UNITS 16

/* One end, as it was last used. */
struct copy_end {
    struct domain *d; /* whose frame m is; NULL = nothing is held */
    uint64_t name;    /* grant reference or frame number, and the domain id: as the guest gave them */
    domid_t domid;
    bool by_ref;
    mfn_t m;
    struct domain *granter; /* with a reference: whose grant was last, and mostly is next */
};

/* `self` is here and below the current domain. `write`: the end is a destination. */
static __always_inline void release_end(struct copy_end *e, bool write)
{
    struct domain *d = e->d;

    if (unlikely(!d))
        return;
    if (e->by_ref) {
        gnttab_unpin(d, (uint32_t)e->name, write ? PIN_HOST_RW : PIN_HOST_RO);
    } else {
        if (write) {
            if (unlikely(log_dirty_on(d)))
                log_dirty_mark_frame(d, e->m);
            page_put_writable(mfn_to_frame(e->m));
        }
        frame_put(mfn_to_frame(e->m));
    }
}

static __noinline void put_granters(const struct copy_end *src, const struct copy_end *dst)
{
    if (src->granter)
        domain_put(src->granter);
    if (dst->granter)
        domain_put(dst->granter);
}

/* NULL: no such domain. Nothing is held of the end. */
static __always_inline struct domain *find_granter(struct domain *self, struct copy_end *e, domid_t domid)
{
    if (domid == self->id || domid == DOMID_SELF)
        return self;
    if (e->granter) {
        if (likely(e->granter->id == domid))
            return e->granter;
        domain_put(e->granter);
    }
    e->granter = domain_by_id(domid);
    return e->granter;
}

/* By frame number, which a domain may do with its own frames only. */
static __always_inline int16_t claim_own_frame(const struct domain *self, mfn_t m, bool write)
{
    if (unlikely(!frame_get_owned(m, self->id)))
        return GNTST_bad_page;
    if (!write || likely(page_get_writable(mfn_to_frame(m))))
        return GNTST_okay;
    frame_put(mfn_to_frame(m));
    return GNTST_general_error;
}

static __always_inline int16_t claim_end(struct domain *self, struct copy_end *e, bool by_ref, domid_t domid,
                                         uint64_t name, bool write)
{
    struct domain *d = self;
    int16_t rc;

    e->name = name;
    e->domid = domid;
    e->by_ref = by_ref;
    if (!by_ref) {
        e->m = gfn_to_mfn(self, gfn(name));
        rc = likely(domid == DOMID_SELF) ? claim_own_frame(self, e->m, write) : GNTST_permission_denied;
    } else {
        d = find_granter(self, e, domid);
        if (unlikely(!d))
            return GNTST_bad_domain;
        rc = gnttab_pin(d, (uint32_t)name, self->id, write ? PIN_HOST_RW : PIN_HOST_RO, false, &e->m);
    }
    if (likely(!rc))
        e->d = d;
    return rc;
}

/* Hold what `p` names, keeping what is held if that is it. */
static __always_inline int16_t use_end(struct domain *self, struct copy_end *e,
                                       const struct gnttab_copy_ptr *p, bool by_ref, bool write)
{
    uint64_t name = by_ref ? p->u.ref : p->u.gmfn;

    if (e->d) {
        if (e->name == name && e->by_ref == by_ref && e->domid == p->domid)
            return GNTST_okay;
        release_end(e, write);
        e->d = NULL;
    }
    return claim_end(self, e, by_ref, p->domid, name, write);
}

static __always_inline int16_t copy_one(struct domain *self, const struct gnttab_copy *op,
                                        struct copy_end *src, struct copy_end *dst)
{
    uint32_t from = op->source.offset, to = op->dest.offset;
    int16_t rc;

    rc = use_end(self, src, &op->source, op->flags & GNTCOPY_source_gref, false);
    if (unlikely(rc))
        return rc;
    rc = use_end(self, dst, &op->dest, op->flags & GNTCOPY_dest_gref, true);
    if (unlikely(rc))
        return rc;
    if (unlikely(max(from, to) + op->len > PAGE_SIZE))
        return GNTST_bad_copy_arg;
    memcpy((char *)mfn_to_virt(dst->m) + to, (const char *)mfn_to_virt(src->m) + from, op->len);
    return GNTST_okay;
}

static __always_inline int64_t copy_array(struct domain *self, gva_t uop, uint32_t count,
                                          struct copy_end *src, struct copy_end *dst)
{
    struct gnttab_copy op;

    for (uint32_t i = 0; i < count; i++, uop = gva_add(uop, sizeof(op))) {
        if (hypercall_preempt_check(COPY_UNITS) && i)
            return i;
        if (read_in_range(&op, uop.va, sizeof(op)))
            return -EFAULT;
        op.status = copy_one(self, &op, src, dst);
        if (write_in_range(uop.va + offsetof(struct gnttab_copy, status), &op.status, sizeof(op.status)))
            return -EFAULT;
    }
    return count;
}

int64_t gnttab_copy(gva_t uop, uint32_t count)
{
    struct domain *self = current->domain;
    struct copy_end src, dst;
    int64_t done;

    src.d = dst.d = src.granter = dst.granter = NULL;
    done = copy_array(self, uop, count, &src, &dst);
    release_end(&src, false);
    release_end(&dst, true);
    if (src.granter || dst.granter)
        put_granters(&src, &dst);
    return done;
}
