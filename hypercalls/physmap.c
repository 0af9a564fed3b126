/* SPDX-License-Identifier: MIT */
#include "hypercalls/physmap.h"
#include "hypercalls/grant_table.h"
#include "hv/hvm/hvm.h"
#include "hv/mm/m2p.h"
#include "hv/pv/page_type.h"
#include <xen/memory.h>

/* Cost of an entry in units of work. */
#define WORK_ENTRY 8

/*
 * An entry of d that was taken out at g, no CPU uses it any more: end what it stood for. Memory at its
 * machine address stays the domain's: no other could take its place later (physmap_populate).
 */
static void let_go(const struct domain *d, gfn_t g, mfn_t m, enum p2m_type type)
{
    if (p2m_holds_reference(type))
        p2m_put_reference(m, type);
    else if (p2m_is_ram(type) && !(d->direct_mapped && m.m == g.g))
        frame_drop_allocation(mfn_to_frame(m));
}

int physmap_give_up(struct domain *d, gfn_t g)
{
    enum p2m_type type;
    mfn_t m;
    int rc;

    spin_lock(&d->mmu_lock);
    rc = p2m_remove(d, g, &m, &type);
    spin_unlock(&d->mmu_lock);
    if (rc)
        return rc;
    p2m_flush(d);
    let_go(d, g, m, type);
    return 0;
}

/* Memory that is there already goes back, so that none is lost. */
static void clear_range(struct domain *d, gfn_t g, unsigned int order)
{
    for (uint64_t i = 0; i < BIT(order); i++)
        if (p2m_lookup(d, gfn(g.g + i), NULL).m != INVALID_MFN_RAW)
            (void)physmap_give_up(d, gfn(g.g + i));
}

/* Memory at its machine address, which the domain was built with, comes back to its place. The M2P tells it
 * from what was only loaded there. */
static int populate_direct(struct domain *d, gfn_t g)
{
    int rc = -ENOMEM;

    if (!frame_get_from_mfn(mfn(g.g), d))
        return rc;
    if (m2p_get(mfn(g.g)) == g.g) {
        spin_lock(&d->mmu_lock);
        rc = mfn_eq(p2m_lookup(d, g, NULL), INVALID_MFN) ? p2m_set(d, g, mfn(g.g), P2M_ORDER_4K, P2M_RAM)
                                                         : -EEXIST;
        spin_unlock(&d->mmu_lock);
    }
    frame_put(mfn_to_frame(mfn(g.g)));
    return rc;
}

int physmap_populate(struct domain *d, gfn_t g, unsigned int order, unsigned int flags)
{
    struct frame *f;
    mfn_t m;
    int rc;

    if (g.g & (BIT(order) - 1) || g.g >> P2M_GFN_BITS)
        return -EINVAL;
    if (d->direct_mapped)
        return order ? -EINVAL : populate_direct(d, g);
    clear_range(d, g, order);
    f = domain_alloc_frames(d, order, flags);
    if (!f)
        return -ENOMEM;
    m = frame_to_mfn(f);
    for (uint64_t i = 0; i < BIT(order); i++)
        m2p_set(mfn_add(m, i), g.g + i);
    spin_lock(&d->mmu_lock);
    /* Another vCPU may have been here since: an entry that is written over would keep its reference for ever.
     */
    rc = p2m_is_empty(d, g, order) ? p2m_set(d, g, m, order, P2M_RAM) : -EBUSY;
    spin_unlock(&d->mmu_lock);
    if (!rc)
        return 0;
    p2m_flush(d);
    for (uint64_t i = 0; i < BIT(order); i++)
        frame_drop_allocation(f + i);
    return rc;
}

/* Enter one frame at g in place of what is there. A reference passes to the entry, if the kind holds one; on
 * failure it stays the caller's. */
static int place(struct domain *d, gfn_t g, mfn_t m, enum p2m_type type)
{
    enum p2m_type old_type = P2M_NONE;
    mfn_t old = INVALID_MFN;
    int rc;

    spin_lock(&d->mmu_lock);
    rc = p2m_remove(d, g, &old, &old_type);
    if (!rc || rc == -ENOENT)
        rc = p2m_set(d, g, m, 0, type);
    spin_unlock(&d->mmu_lock);
    if (old_type != P2M_NONE) {
        p2m_flush(d);
        let_go(d, g, old, old_type);
    }
    return rc;
}

int physmap_grant_map(uint64_t addr, mfn_t m, bool readonly)
{
    struct frame *f = mfn_to_frame(m);
    int rc;

    if (addr % PAGE_SIZE || !frame_get_any(f))
        return -EINVAL;
    rc = place(current->domain, gfn(addr >> PAGE_SHIFT), m, readonly ? P2M_GRANT_RO : P2M_GRANT);
    if (rc)
        frame_put(f);
    return rc;
}

int physmap_grant_unmap(uint64_t addr, mfn_t m, bool readonly)
{
    enum p2m_type of_grant = readonly ? P2M_GRANT_RO : P2M_GRANT;
    struct domain *d = current->domain;
    gfn_t g = gfn(addr >> PAGE_SHIFT);
    enum p2m_type type;
    int rc = -EINVAL;
    mfn_t was;

    spin_lock(&d->mmu_lock);
    was = p2m_lookup(d, g, &type);
    if (mfn_eq(was, m) && type == of_grant)
        rc = p2m_remove(d, g, &was, &type);
    spin_unlock(&d->mmu_lock);
    if (!rc)
        frame_put(mfn_to_frame(m)); /* the pin has one, too */
    return rc;
}

/* A page of the hypervisor's moves: it is at one place only. */
static int place_shared(struct domain *d, gfn_t g, mfn_t m)
{
    uint64_t former = m2p_get(m);
    int rc;

    if (former != INVALID_M2P_ENTRY && former != g.g && mfn_eq(p2m_lookup(d, gfn(former), NULL), m))
        (void)physmap_give_up(d, gfn(former));
    if (!frame_get(mfn_to_frame(m), d))
        return -EINVAL;
    rc = place(d, g, m, P2M_SHARED);
    if (rc)
        frame_put(mfn_to_frame(m));
    else
        m2p_set(m, g.g);
    return rc;
}

/* XENMAPSPACE_gmfn: a page of d moves from `from` to g. */
static int move_page(struct domain *d, gfn_t g, gfn_t from)
{
    enum p2m_type type;
    mfn_t m;
    int rc;

    if (d->direct_mapped)
        return -EINVAL;
    if (from.g == g.g)
        return 0;
    spin_lock(&d->mmu_lock);
    (void)p2m_lookup(d, from, &type);
    rc = p2m_is_ram(type) ? p2m_remove(d, from, &m, &type) : -EINVAL;
    spin_unlock(&d->mmu_lock);
    if (rc)
        return rc;
    p2m_flush(d);
    rc = place(d, g, m, P2M_RAM);
    if (rc)
        frame_drop_allocation(mfn_to_frame(m));
    else
        m2p_set(m, g.g);
    return rc;
}

/* XENMAPSPACE_gmfn_foreign: another domain's page, which the caller may control. Page tables of PV domains
 * may be read only. */
static int map_foreign(struct domain *d, gfn_t g, domid_t owner, gfn_t from)
{
    enum p2m_type type = P2M_FOREIGN_RO;
    struct domain *other;
    struct frame *f;
    int rc;

    other = domain_for_hypercall(owner, ACTION_MAP_FOREIGN, &rc);
    if (!other)
        return rc;
    f = other == d ? NULL : other->ops->get_frame(other, from, false);
    rc = -EINVAL;
    if (f) {
        if (page_get_writable(f))
            type = P2M_FOREIGN;
        rc = place(d, g, frame_to_mfn(f), type);
        if (rc)
            p2m_put_reference(frame_to_mfn(f), type);
    }
    domain_put(other);
    return rc;
}

static int add_one(struct domain *d, unsigned int space, uint64_t idx, gfn_t g, domid_t foreign)
{
    mfn_t m;

    switch (space) {
    case XENMAPSPACE_shared_info:
        return idx ? -EINVAL : place_shared(d, g, virt_to_mfn(d->shared_info));
    case XENMAPSPACE_grant_table:
        return gnttab_shared_frame(d, (uint32_t)min(idx, (uint64_t)UINT32_MAX), &m) ? place_shared(d, g, m)
                                                                                    : -EINVAL;
    case XENMAPSPACE_gmfn:
        return move_page(d, g, gfn(idx));
    case XENMAPSPACE_gmfn_foreign:
        return map_foreign(d, g, foreign, gfn(idx));
    default:
        return -ENOSYS;
    }
}

/* The domain that a request names; PV domains have no physical address space to change. */
static struct domain *target(domid_t id, int *rc)
{
    struct domain *d = domain_for_hypercall(id, ACTION_MAP_FOREIGN, rc);

    if (!d || is_hvm_domain(d))
        return d;
    domain_put(d);
    *rc = -EACCES;
    return NULL;
}

int64_t physmap_add(uint64_t *word __unused, gva_t arg)
{
    struct xen_add_to_physmap op;
    struct domain *d;
    int rc;

    if (read_guest(&op, arg))
        return -EFAULT;
    if (op.space == XENMAPSPACE_gmfn_foreign || op.space == XENMAPSPACE_gmfn_range)
        return -ENOSYS; /* the first is for batches only */
    d = target(op.domid, &rc);
    if (!d)
        return rc;
    rc = add_one(d, op.space, op.idx, gfn(op.gpfn), DOMID_INVALID);
    domain_put(d);
    return rc;
}

/* Elements from the front; a restart finds the list and the count moved on, in the caller's structure. */
static int64_t add_batch(struct domain *d, struct xen_add_to_physmap_batch *op, gva_t arg)
{
    uint16_t done = 0;

    for (; done < op->size; done++) {
        xen_ulong_t idx;
        xen_pfn_t g;
        int rc;

        if (done && work_exhausted(WORK_ENTRY))
            break;
        if (read_guest_elem(&idx, gva_of_handle(op->idxs), done) ||
            read_guest_elem(&g, gva_of_handle(op->gpfns), done))
            return -EFAULT;
        rc = add_one(d, op->space, idx, gfn(g), op->u.foreign_domid);
        if (write_guest_elem(gva_of_handle(op->errs), done, &rc))
            return -EFAULT;
    }
    if (done == op->size)
        return 0;
    op->idxs.p += done;
    op->gpfns.p += done;
    op->errs.p += done;
    op->size = (uint16_t)(op->size - done);
    return write_guest(arg, op) ? -EFAULT : HYPERCALL_RESTART;
}

int64_t physmap_add_batch(uint64_t *word __unused, gva_t arg)
{
    struct xen_add_to_physmap_batch op;
    struct domain *d;
    int64_t result;
    int rc;

    if (read_guest(&op, arg))
        return -EFAULT;
    d = target(op.domid, &rc);
    if (!d)
        return rc;
    result = op.space == XENMAPSPACE_gmfn_range ? -EINVAL : add_batch(d, &op, arg);
    domain_put(d);
    return result;
}

/* For PV domains this only checks that the frame is the domain's. */
static int remove_pv(struct domain *d, uint64_t frame)
{
    if (!frame_get_from_mfn(mfn(frame), d))
        return -ENOENT;
    frame_put(mfn_to_frame(mfn(frame)));
    return 0;
}

/* Memory stays the domain's, without a place. */
static int remove_hvm(struct domain *d, gfn_t g)
{
    enum p2m_type type;
    mfn_t m;
    int rc;

    spin_lock(&d->mmu_lock);
    rc = p2m_remove(d, g, &m, &type);
    spin_unlock(&d->mmu_lock);
    if (rc)
        return rc;
    p2m_flush(d);
    if (p2m_holds_reference(type))
        p2m_put_reference(m, type);
    return 0;
}

int64_t physmap_remove(uint64_t *word __unused, gva_t arg)
{
    struct xen_remove_from_physmap op;
    struct domain *d;
    int rc;

    if (read_guest(&op, arg))
        return -EFAULT;
    d = domain_for_hypercall(op.domid, ACTION_MAP_FOREIGN, &rc);
    if (!d)
        return rc;
    rc = is_hvm_domain(d) ? remove_hvm(d, gfn(op.gpfn)) : remove_pv(d, op.gpfn);
    domain_put(d);
    return rc;
}
