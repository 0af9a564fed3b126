/* SPDX-License-Identifier: MIT */
/*
 * Mapping of grants. A mapping pins the grant, then writes the page-table entry. Unmapping clears the entry,
 * flushes TLBs, and only then ends the pin: the frame may belong to somebody else the moment after. Flushes
 * are made once for a batch.
 */
#include "hypercalls/grant_table.h"
#include "hypercalls/hypercall.h"
#include "hypercalls/physmap.h"
#include "hv/hvm/p2m.h"
#include "hv/cpu/ipi.h"
#include "hv/lib/bug.h"
#include "hv/lib/nospec.h"
#include "hv/mm/heap.h"
#include "hv/pv/grant_pte.h"

#define UNMAP_BATCH 32

/* Work of one element for hypercall_preempt_check(). */
#define MAP_UNITS 16

/* Handles */

/* @pre handle < gt->handles. Lock: maptrack_lock. */
static struct maptrack *maptrack_of(const struct grant_table *gt, uint32_t handle)
{
    return &gt->maptrack[handle / MAPTRACK_PER_PAGE][handle % MAPTRACK_PER_PAGE];
}

/* A further page of handles, onto the free list. Lock: maptrack_lock. */
static bool maptrack_grow(struct grant_table *gt)
{
    uint32_t first = gt->handles;
    struct maptrack *page;

    if (gt->maptrack_pages >= gt->maptrack_max_pages)
        return false;
    if (!gt->maptrack)
        gt->maptrack = hv_zalloc_array(gt->maptrack_max_pages, sizeof(*gt->maptrack));
    if (!gt->maptrack)
        return false;
    page = hv_zalloc(PAGE_SIZE);
    if (!page)
        return false;
    for (uint32_t i = 0; i < MAPTRACK_PER_PAGE; i++)
        page[i].ref = i + 1 < MAPTRACK_PER_PAGE ? first + i + 1 : gt->maptrack_free;
    gt->maptrack[gt->maptrack_pages++] = page;
    gt->handles += (uint32_t)MAPTRACK_PER_PAGE;
    gt->maptrack_free = first;
    return true;
}

bool gnttab_prepare_maptrack(struct domain *d)
{
    struct grant_table *gt = d->grant;
    bool ok;

    spin_lock(&gt->maptrack_lock);
    ok = gt->maptrack_pages || maptrack_grow(gt);
    spin_unlock(&gt->maptrack_lock);
    return ok;
}

/* A handle off the free list, whose flags stay 0, so that nobody can unmap it yet; NULL. */
static struct maptrack *maptrack_get(struct grant_table *gt, uint32_t *handle)
{
    struct maptrack *mt = NULL;

    spin_lock(&gt->maptrack_lock);
    if (likely(gt->maptrack_free != MAPTRACK_NONE) || maptrack_grow(gt)) {
        *handle = gt->maptrack_free;
        mt = maptrack_of(gt, *handle);
        gt->maptrack_free = mt->ref;
        gt->maptrack_used++;
    }
    spin_unlock(&gt->maptrack_lock);
    return mt;
}

/* Its flags are 0. Lock: maptrack_lock. */
static void maptrack_put(struct grant_table *gt, uint32_t handle)
{
    maptrack_of(gt, handle)->ref = gt->maptrack_free;
    gt->maptrack_free = handle;
    gt->maptrack_used--;
}

/* Out of line: the way of mappings that succeed stays short. */
static __noinline void maptrack_give_back(struct grant_table *gt, uint32_t handle)
{
    spin_lock(&gt->maptrack_lock);
    maptrack_put(gt, handle);
    spin_unlock(&gt->maptrack_lock);
}

/* From now on the handle, which is the caller's alone, can be unmapped: its flags are written last. */
static void maptrack_publish(struct maptrack *mt, struct domain *granter,
                             const struct gnttab_map_grant_ref *op)
{
    mt->granter = granter;
    mt->ref = op->ref;
    smp_wmb();
    WRITE_ONCE(mt->flags, op->flags & 0xffff);
}

/* Mapping */

static enum grant_pin host_pin(uint32_t flags)
{
    return flags & GNTMAP_readonly ? PIN_HOST_RO : PIN_HOST_RW;
}

static enum grant_pin device_pin(uint32_t flags)
{
    return flags & GNTMAP_readonly ? PIN_DEV_RO : PIN_DEV_RW;
}

/* Without A and D: pv_grant_unmap() learns from them whether TLBs have to be flushed. */
static pte_t grant_pte(mfn_t m, uint32_t flags)
{
    pte_t val = pte_make(m, PTE_P | PTE_NX);

    if (!(flags & GNTMAP_readonly))
        val |= PTE_RW;
    if (flags & GNTMAP_application_map)
        val |= PTE_US;
    return val | (((uint64_t)flags >> _GNTMAP_guest_avail0 << 9) & PTE_AVAIL);
}

/* Enter it where the caller says: in a PV guest's page tables, or in the physical address space of others.
 * `self` is here and below the current domain. */
static int map_at(const struct domain *self, struct domain *granter, const struct gnttab_map_grant_ref *op,
                  mfn_t m)
{
    struct grant_place at = { .addr = op->host_addr, .is_pte = op->flags & GNTMAP_contains_pte };

    if (is_hvm_domain(self))
        return physmap_grant_map(op->host_addr, m, op->flags & GNTMAP_readonly);
    return pv_grant_map(granter, at, grant_pte(m, op->flags));
}

/* Pin for what op->flags asks and write the entry. GNTST_*; nothing is left behind on failure. */
static int16_t pin_and_map(const struct domain *self, struct domain *granter,
                           const struct gnttab_map_grant_ref *op, mfn_t *m)
{
    domid_t user = self->id;
    bool host = op->flags & GNTMAP_host_map, device = op->flags & GNTMAP_device_map;
    int16_t rc = GNTST_okay;

    if (host)
        rc = gnttab_pin(granter, op->ref, user, host_pin(op->flags), true, m);
    if (rc)
        return rc;
    if (device)
        rc = gnttab_pin(granter, op->ref, user, device_pin(op->flags), true, m);
    if (!rc && host && map_at(self, granter, op, *m)) {
        rc = GNTST_general_error;
        if (device)
            gnttab_unpin(granter, op->ref, device_pin(op->flags));
    }
    if (rc && host)
        gnttab_unpin(granter, op->ref, host_pin(op->flags));
    return rc;
}

/* The handle keeps the caller's reference to the granter. */
static int16_t map_from(struct domain *self, struct domain *granter, struct gnttab_map_grant_ref *op)
{
    struct grant_table *gt = self->grant;
    struct maptrack *mt;
    uint32_t handle;
    mfn_t m;
    int16_t rc;

    mt = maptrack_get(gt, &handle);
    if (unlikely(!mt))
        return GNTST_no_space;
    rc = pin_and_map(self, granter, op, &m);
    if (unlikely(rc)) {
        maptrack_give_back(gt, handle);
        return rc;
    }
    maptrack_publish(mt, granter, op);
    op->handle = handle;
    op->dev_bus_addr = m.m << PAGE_SHIFT;
    return GNTST_okay;
}

/*
 * *granter is the domain, with a reference, whose grant was mapped last, and mostly is next; or NULL. Each
 * handle keeps one of its own, that of the `last` element this one.
 */
static int16_t map_one(struct domain *self, struct domain **granter, struct gnttab_map_grant_ref *op,
                       bool last)
{
    int16_t rc;

    if (!(op->flags & (GNTMAP_device_map | GNTMAP_host_map)))
        return GNTST_bad_gntref;
    if (!*granter || unlikely((*granter)->id != op->dom)) {
        if (*granter)
            domain_put(*granter);
        *granter = domain_by_id(op->dom);
    }
    if (unlikely(!*granter))
        return GNTST_bad_domain;
    rc = map_from(self, *granter, op);
    if (rc)
        return rc;
    if (last)
        *granter = NULL;
    else if (!domain_get(*granter))
        BUG(); /* there is the handle's */
    return GNTST_okay;
}

/* Where the results begin: what stands before them in the same 8 bytes is written back as it was read. */
#define MAP_RESULTS offsetof(struct gnttab_map_grant_ref, dom)

static __always_inline int64_t map_array(struct domain *self, gva_t uop, uint32_t count,
                                         struct domain **granter)
{
    struct gnttab_map_grant_ref op;

    for (uint32_t i = 0; i < count; i++, uop = gva_add(uop, sizeof(op))) {
        if (hypercall_preempt_check(MAP_UNITS) && i)
            return i;
        if (read_in_range(&op, uop.va, sizeof(op)))
            return -EFAULT;
        op.status = map_one(self, granter, &op, i + 1 == count);
        if (write_in_range(uop.va + MAP_RESULTS, &op.dom, sizeof(op) - MAP_RESULTS))
            return -EFAULT;
    }
    return count;
}

int64_t gnttab_map(gva_t uop, uint32_t count)
{
    struct domain *granter = NULL;
    int64_t done = map_array(current->domain, uop, count, &granter);

    if (granter)
        domain_put(granter);
    return done;
}

/* Unmapping */

struct unmap {
    uint64_t host_addr, dev_bus_addr;
    uint64_t new_addr; /* unmap_and_replace: whose entry comes in the place of the grant's; 0 = none */
    uint32_t handle;
    int16_t status;

    /* What unmap_begin() finds, for unmap_finish(). */
    struct domain *granter; /* with a reference; NULL: nothing to finish */
    bool flush;             /* TLBs may have the mapping */
    bool last;              /* nothing is left of the mapping: the handle is to be freed */
    uint32_t ref;
    uint32_t done; /* GNTMAP_device_map, _host_map that were undone, and _readonly */
};

/* The frame of a mapping: pinned, so it cannot change. A handle that is in use names an entry that there is:
 * tables only grow. */
static mfn_t mapped_frame(const struct maptrack *mt)
{
    return mfn(gnttab_active(mt->granter->grant, mt->ref)->mfn);
}

static int16_t undo_host(const struct domain *self, struct unmap *u, uint32_t flags, mfn_t m)
{
    struct grant_place at = { .addr = u->host_addr, .is_pte = flags & GNTMAP_contains_pte };
    int rc;

    u->flush = true;
    if (is_hvm_domain(self))
        rc = physmap_grant_unmap(u->host_addr, m, flags & GNTMAP_readonly);
    else if (!u->new_addr)
        rc = pv_grant_unmap(at, m, &u->flush);
    else
        rc = at.is_pte ? -EINVAL : pv_grant_replace(at, u->new_addr, m);
    return rc ? GNTST_general_error : GNTST_okay;
}

/* Clear the entry and take the kinds of use off the handle that go. Lock: maptrack_lock, which keeps others
 * off the handle. */
static __always_inline int16_t unmap_locked(const struct domain *self, struct unmap *u, struct maptrack *mt)
{
    uint32_t flags = mt->flags, undo = 0;
    mfn_t m = mapped_frame(mt);

    if (u->dev_bus_addr && (flags & GNTMAP_device_map)) {
        if (u->dev_bus_addr != m.m << PAGE_SHIFT)
            return GNTST_bad_dev_addr;
        undo |= GNTMAP_device_map;
    }
    if (u->host_addr && (flags & GNTMAP_host_map)) {
        int16_t rc = undo_host(self, u, flags, m);

        if (rc)
            return rc;
        undo |= GNTMAP_host_map;
    }
    if (!undo)
        return GNTST_okay;
    u->granter = mt->granter;
    u->ref = mt->ref;
    u->done = undo | (flags & GNTMAP_readonly);
    mt->flags &= ~undo;
    u->last = !(mt->flags & (GNTMAP_host_map | GNTMAP_device_map));
    if (u->last)
        mt->flags = 0; /* no handle any more, but not yet free for another mapping: unmap_finish() */
    else if (!domain_get(mt->granter))
        BUG(); /* the handle has a reference */
    return GNTST_okay;
}

static __always_inline void unmap_begin(const struct domain *self, struct unmap *u)
{
    struct grant_table *gt = self->grant;
    struct maptrack *mt = NULL;

    u->granter = NULL;
    u->flush = false;
    spin_lock(&gt->maptrack_lock);
    if (u->handle < gt->handles)
        mt = maptrack_of(gt, (uint32_t)index_nospec(u->handle, gt->handles));
    u->status = mt && mt->flags ? unmap_locked(self, u, mt) : GNTST_bad_handle;
    spin_unlock(&gt->maptrack_lock);
}

/* After the flush. */
static __always_inline void unmap_finish(const struct domain *self, const struct unmap *u)
{
    struct grant_table *gt = self->grant;

    if (!u->granter)
        return;
    if (u->done & GNTMAP_host_map)
        gnttab_unpin(u->granter, u->ref, host_pin(u->done));
    if (u->done & GNTMAP_device_map)
        gnttab_unpin(u->granter, u->ref, device_pin(u->done));
    if (u->last) {
        spin_lock(&gt->maptrack_lock);
        maptrack_put(gt, u->handle);
        spin_unlock(&gt->maptrack_lock);
    }
    domain_put(u->granter);
}

/* How the two operations say the same. */
struct unmap_form {
    uint32_t size;
    int (*read)(struct unmap *u, gva_t op);
    int (*write)(gva_t op, int16_t status);
};

static int read_unmap(struct unmap *u, gva_t at)
{
    struct gnttab_unmap_grant_ref op;

    if (read_in_range(&op, at.va, sizeof(op)))
        return -EFAULT;
    u->host_addr = op.host_addr;
    u->dev_bus_addr = op.dev_bus_addr;
    u->new_addr = 0;
    u->handle = op.handle;
    return 0;
}

static int write_unmap(gva_t at, int16_t status)
{
    return write_in_range(at.va + offsetof(struct gnttab_unmap_grant_ref, status), &status, sizeof(status));
}

static int read_replace(struct unmap *u, gva_t at)
{
    struct gnttab_unmap_and_replace op;

    if (read_guest(&op, at))
        return -EFAULT;
    u->host_addr = op.host_addr;
    u->dev_bus_addr = 0;
    u->new_addr = op.new_addr;
    u->handle = op.handle;
    return 0;
}

static int write_replace(gva_t at, int16_t status)
{
    return write_guest_field(at, struct gnttab_unmap_and_replace, status, status);
}

static const struct unmap_form unmap_form = { sizeof(struct gnttab_unmap_grant_ref), read_unmap,
                                              write_unmap };
static const struct unmap_form replace_form = { sizeof(struct gnttab_unmap_and_replace), read_replace,
                                                write_replace };

/* Even of a single mapping not the named address alone: its table may be in use at others, too. */
static void flush_batch(struct domain *self)
{
    if (is_hvm_domain(self))
        p2m_flush(self);
    else
        pv_grant_flush();
}

/* Elements from uop on, UNMAP_BATCH at most. 0, -EFAULT. */
static __always_inline int unmap_batch(gva_t uop, uint32_t n, const struct unmap_form *form)
{
    struct domain *self = current->domain;
    struct unmap u[UNMAP_BATCH];
    uint32_t begun = 0;
    bool flush = false;
    int rc = 0;

    for (; begun < n && !rc; begun++) {
        rc = form->read(&u[begun], gva_add(uop, (uint64_t)begun * form->size));
        if (rc)
            break;
        unmap_begin(self, &u[begun]);
        rc = form->write(gva_add(uop, (uint64_t)begun * form->size), u[begun].status);
        flush |= u[begun].flush;
    }
    if (flush)
        flush_batch(self);
    for (uint32_t i = 0; i < begun; i++)
        unmap_finish(self, &u[i]);
    return rc;
}

static __always_inline int64_t unmap_array(gva_t uop, uint32_t count, const struct unmap_form *form)
{
    uint32_t done = 0;

    while (done < count) {
        uint32_t n = min(count - done, (uint32_t)UNMAP_BATCH);

        if (hypercall_preempt_check((uint64_t)n * MAP_UNITS) && done)
            return done;
        if (unmap_batch(gva_add(uop, (uint64_t)done * form->size), n, form))
            return -EFAULT;
        done += n;
    }
    return done;
}

int64_t gnttab_unmap(gva_t uop, uint32_t count)
{
    return unmap_array(uop, count, &unmap_form);
}

int64_t gnttab_unmap_and_replace(gva_t uop, uint32_t count)
{
    return unmap_array(uop, count, &replace_form);
}

/*
 * d's page tables still refer to the frames, with references of their own, and go with its memory. Nobody
 * runs in d any more, so no lock is needed against unmapping.
 */
int gnttab_release_mappings(struct domain *d)
{
    struct grant_table *gt = d->grant;

    for (; gt->maptrack_used && gt->release_next < gt->handles; gt->release_next++) {
        struct maptrack mt = *maptrack_of(gt, gt->release_next);

        if (!mt.flags)
            continue;
        if (hypercall_preempt_check(MAP_UNITS))
            return -ERESTART;
        if (mt.flags & GNTMAP_host_map)
            gnttab_unpin(mt.granter, mt.ref, host_pin(mt.flags));
        if (mt.flags & GNTMAP_device_map)
            gnttab_unpin(mt.granter, mt.ref, device_pin(mt.flags));
        maptrack_of(gt, gt->release_next)->flags = 0;
        maptrack_put(gt, gt->release_next);
        domain_put(mt.granter);
    }
    return 0;
}
