/* SPDX-License-Identifier: MIT */
/*
 * Copies between frames that the caller owns and frames granted to it. Neighbouring elements of an array
 * mostly name the same frames, so the last source and destination are kept until another one is asked for, or
 * the array ends.
 */
#include "hypercalls/grant_table.h"
#include "hypercalls/hypercall.h"
#include "hv/lib/string.h"
#include "hv/pv/page_type.h"

#define COPY_UNITS 16

/* One end, as it was last used. */
struct copy_end {
    struct domain *d; /* with a reference unless it is the current one; NULL = nothing is held */
    bool write;
    bool by_ref;
    domid_t domid; /* as the guest named them */
    uint64_t name; /* grant reference or frame number */
    mfn_t m;
};

static void drop_domain(struct domain *d)
{
    if (d != current->domain)
        domain_put(d);
}

static void release_end(struct copy_end *e)
{
    if (!e->d)
        return;
    if (e->by_ref) {
        gnttab_unpin(e->d, (uint32_t)e->name, e->write ? PIN_HOST_RW : PIN_HOST_RO);
    } else {
        if (e->write)
            page_put_writable(mfn_to_frame(e->m));
        frame_put(mfn_to_frame(e->m));
    }
    drop_domain(e->d);
    e->d = NULL;
}

/* By frame number, which a domain may do with its own frames only. */
static int16_t claim_own_frame(struct copy_end *e)
{
    e->m = mfn(e->name);
    if (!frame_get_from_mfn(e->m, e->d))
        return GNTST_bad_page;
    if (!e->write || page_get_writable(mfn_to_frame(e->m)))
        return GNTST_okay;
    frame_put(mfn_to_frame(e->m));
    return GNTST_general_error;
}

static int16_t claim_end(struct copy_end *e, bool by_ref, domid_t domid, uint64_t name)
{
    struct domain *self = current->domain;
    struct domain *d;
    int16_t rc;

    if (domid != DOMID_SELF && !by_ref)
        return GNTST_permission_denied;
    d = domid == DOMID_SELF || domid == self->id ? self : domain_by_id(domid);
    if (!d)
        return GNTST_bad_domain;
    *e = (struct copy_end){ .d = d, .write = e->write, .by_ref = by_ref, .domid = domid, .name = name };
    if (by_ref)
        rc = gnttab_pin(d, (uint32_t)name, self, e->write ? PIN_HOST_RW : PIN_HOST_RO, false, &e->m);
    else
        rc = claim_own_frame(e);
    if (rc) {
        e->d = NULL;
        drop_domain(d);
    }
    return rc;
}

/* Hold what `p` names, keeping what is held if that is it. */
static int16_t use_end(struct copy_end *e, const struct gnttab_copy_ptr *p, bool by_ref)
{
    uint64_t name = by_ref ? p->u.ref : p->u.gmfn;

    if (likely(e->d && e->by_ref == by_ref && e->domid == p->domid && e->name == name))
        return GNTST_okay;
    release_end(e);
    return claim_end(e, by_ref, p->domid, name);
}

static int16_t copy_one(const struct gnttab_copy *op, struct copy_end *src, struct copy_end *dst)
{
    int16_t rc;

    rc = use_end(src, &op->source, op->flags & GNTCOPY_source_gref);
    if (rc)
        return rc;
    rc = use_end(dst, &op->dest, op->flags & GNTCOPY_dest_gref);
    if (rc)
        return rc;
    if ((uint32_t)op->source.offset + op->len > PAGE_SIZE || (uint32_t)op->dest.offset + op->len > PAGE_SIZE)
        return GNTST_bad_copy_arg;
    memcpy((char *)mfn_to_virt(dst->m) + op->dest.offset,
           (const char *)mfn_to_virt(src->m) + op->source.offset, op->len);
    return GNTST_okay;
}

/* An element of the array, whose range was checked. */
static __always_inline int read_checked(struct gnttab_copy *op, gva_t at)
{
    _Static_assert(sizeof(*op) == 40, "read in two parts");
    return read_small(op, at.va, 32) | read_small((char *)op + 32, at.va + 32, 8);
}

static int64_t copy_array(gva_t uop, uint32_t count, struct copy_end *src, struct copy_end *dst)
{
    struct gnttab_copy op;

    for (uint32_t i = 0; i < count; i++) {
        gva_t at = gva_add(uop, (uint64_t)i * sizeof(op));

        if (hypercall_preempt_check(COPY_UNITS) && i)
            return i;
        if (read_checked(&op, at))
            return -EFAULT;
        op.status = copy_one(&op, src, dst);
        if (write_small(at.va + offsetof(struct gnttab_copy, status), &op.status, sizeof(op.status)))
            return -EFAULT;
    }
    return count;
}

int64_t gnttab_copy(gva_t uop, uint32_t count)
{
    struct copy_end src = { .write = false }, dst = { .write = true };
    int64_t done = copy_array(uop, count, &src, &dst);

    release_end(&src);
    release_end(&dst);
    return done;
}
