/* SPDX-License-Identifier: MIT */
/* grant_table_op: the tables themselves. Uses of grants are in grant_map.c, grant_copy.c and
 * grant_transfer.c. */
#include "hypercalls/grant_table.h"
#include "hypercalls/hypercall.h"
#include "hv/lib/string.h"
#include "hv/mm/heap.h"
#include <xen/memory.h>

/* Life */

int gnttab_init(struct domain *d)
{
    struct grant_table *gt = hv_zalloc(sizeof(*gt));

    if (!gt)
        return -ENOMEM;
    d->grant = gt;
    spin_lock_init(&gt->lock, LOCK_GRANT);
    spin_lock_init(&gt->maptrack_lock, LOCK_GRANT_MAPTRACK);
    gt->max_frames = GNTTAB_DEFAULT_FRAMES;
    gt->maptrack_max_pages = GNTTAB_DEFAULT_MAPTRACK_FRAMES;
    gt->maptrack_free = MAPTRACK_NONE;
    gt->shared = &gt->first_shared;
    gt->active = gt->first_active;
    return 0;
}

void gnttab_free(struct domain *d)
{
    struct grant_table *gt = d->grant;

    if (!gt)
        return;
    for (uint32_t i = 0; i < gt->frames; i++)
        frame_unshare(gt->shared[i]);
    for (uint32_t i = 0; i < gt->frames * CHUNKS_PER_FRAME; i++)
        if (gt->active[i])
            hv_free(gnttab_active(gt, i * ACTIVE_PER_CHUNK));
    for (uint32_t i = 0; i < gt->maptrack_pages; i++)
        hv_free(gt->maptrack[i]);
    if (gt->shared != &gt->first_shared) {
        hv_free(gt->shared);
        hv_free(gt->active);
    }
    hv_free(gt->maptrack);
    hv_free(gt);
    d->grant = NULL;
}

int gnttab_set_limits(struct domain *d, uint32_t max_frames, uint32_t max_maptrack_frames)
{
    struct grant_table *gt = d->grant;

    if (gt->frames || gt->maptrack_pages)
        return -EBUSY;
    if (max_frames > GNTTAB_MAX_FRAMES)
        return -EINVAL;
    gt->max_frames = max_frames;
    gt->maptrack_max_pages = max_maptrack_frames;
    return 0;
}

/* Arrays for all frames that there may be. Who still looks at the first ones finds in them what there was. 0,
 * -ENOMEM. Lock: gt->lock. */
static int grow_arrays(struct grant_table *gt)
{
    struct grant_entry_v1 **shared = hv_zalloc_array(gt->max_frames, sizeof(*shared));
    uintptr_t *active = hv_zalloc_array(gt->max_frames * CHUNKS_PER_FRAME, sizeof(*active));

    if (!shared || !active) {
        hv_free(shared);
        hv_free(active);
        return -ENOMEM;
    }
    shared[0] = gt->first_shared;
    memcpy(active, gt->first_active, sizeof(gt->first_active));
    smp_wmb();
    WRITE_ONCE(gt->shared, shared);
    WRITE_ONCE(gt->active, active);
    return 0;
}

/* One more frame. 0, -ENOMEM. Lock: gt->lock. */
static int grow(struct domain *d, struct grant_table *gt)
{
    void *page;

    if (gt->frames == 1 && gt->shared == &gt->first_shared && grow_arrays(gt))
        return -ENOMEM;
    page = hv_alloc_pages(0, ALLOC_ZERO);
    if (!page)
        return -ENOMEM;
    frame_share_with_domain(page, d, true);
    gt->shared[gt->frames++] = page;
    smp_wmb();
    WRITE_ONCE(gt->refs, gt->frames * (uint32_t)GRANTS_PER_FRAME);
    return 0;
}

/* Who maps or copies pays no more than the granter's frames allow: 8 KiB for each. */
bool gnttab_add_active(struct grant_table *gt, uint32_t ref)
{
    struct grant_active *chunk = NULL;
    uintptr_t *slot;
    bool there;

    spin_lock(&gt->lock);
    slot = &gt->active[ref / ACTIVE_PER_CHUNK];
    if (!*slot)
        chunk = hv_zalloc_array(ACTIVE_PER_CHUNK, sizeof(*chunk));
    if (chunk) {
        smp_wmb();
        WRITE_ONCE(*slot, (uintptr_t)chunk - ref / ACTIVE_PER_CHUNK * ACTIVE_PER_CHUNK * sizeof(*chunk));
    }
    there = *slot;
    spin_unlock(&gt->lock);
    return there;
}

/* Make it `frames` frames at least. False: more than the domain may have, or memory is out. */
static bool ensure_frames(struct domain *d, uint32_t frames)
{
    struct grant_table *gt = d->grant;
    bool ok = frames <= gt->max_frames;

    spin_lock(&gt->lock);
    while (ok && gt->frames < frames)
        ok = !grow(d, gt);
    spin_unlock(&gt->lock);
    return ok;
}

static mfn_t shared_mfn(const struct grant_table *gt, uint32_t index)
{
    return virt_to_mfn(gt->shared[index]);
}

bool gnttab_shared_frame(struct domain *d, uint32_t index, mfn_t *m)
{
    if (index >= d->grant->max_frames || !ensure_frames(d, index + 1))
        return false;
    *m = shared_mfn(d->grant, index);
    return true;
}

int gnttab_preset(struct domain *d, uint32_t ref, domid_t user, mfn_t frame)
{
    struct grant_entry_v1 *entry;

    if (ref >= GRANTS_PER_FRAME)
        return -EINVAL;
    if (!ensure_frames(d, 1))
        return -ENOMEM;
    entry = gnttab_entry(d->grant, ref);
    *entry = (struct grant_entry_v1){ .flags = GTF_permit_access, .domid = user, .frame = (uint32_t)frame.m };
    return 0;
}

/* Operations on one structure */

/* The domain whose table is asked for, with a reference; NULL and *status. */
static struct domain *table_of(domid_t id, int16_t *status)
{
    int rc;
    struct domain *d = domain_for_hypercall(id, ACTION_SET_UP, &rc);

    *status = d ? GNTST_okay : rc == -ESRCH ? GNTST_bad_domain : GNTST_permission_denied;
    return d;
}

/* Set up the table and tell the frames. 0 with op->status, -EFAULT. */
static int setup_table(struct gnttab_setup_table *op)
{
    struct domain *d = table_of(op->dom, &op->status);
    int rc = 0;

    if (!d)
        return 0;
    if (!ensure_frames(d, op->nr_frames))
        op->status = GNTST_general_error;
    for (uint32_t i = 0; !op->status && !rc && i < op->nr_frames; i++) {
        xen_pfn_t pfn = shared_mfn(d->grant, i).m;

        rc = write_guest_elem(gva_of_handle(op->frame_list), i, &pfn);
    }
    domain_put(d);
    return rc;
}

static int64_t gnttab_setup_table(gva_t uop, uint32_t count)
{
    struct gnttab_setup_table op;
    int rc;

    if (count > 1)
        return -EINVAL;
    if (read_guest(&op, uop))
        return -EFAULT;
    rc = setup_table(&op);
    if (rc)
        return rc;
    return write_guest_field(uop, struct gnttab_setup_table, status, op.status);
}

static int64_t gnttab_query_size(gva_t uop, uint32_t count)
{
    struct gnttab_query_size op;
    struct domain *d;

    if (count != 1)
        return -EINVAL;
    if (read_guest(&op, uop))
        return -EFAULT;
    d = table_of(op.dom, &op.status);
    if (d) {
        /* The first frame counts as being there: it is made when somebody looks at it. */
        op.nr_frames = max(d->grant->frames, min(d->grant->max_frames, 1U));
        op.max_nr_frames = d->grant->max_frames;
        domain_put(d);
    }
    return write_guest(uop, &op);
}

/* Version 2 is refused as Xen does when it is told to offer version 1 only (gnttab=max-ver:1). */
static int64_t gnttab_set_version(gva_t uop)
{
    struct gnttab_set_version op;
    int64_t rc = 0;

    if (read_guest(&op, uop))
        return -EFAULT;
    if (op.version != 1)
        rc = op.version == 2 ? -ENOSYS : -EINVAL;
    op.version = 1;
    return write_guest(uop, &op) ? -EFAULT : rc;
}

static int64_t gnttab_get_version(gva_t uop)
{
    struct gnttab_get_version op;
    struct domain *d;
    int rc;

    if (read_guest(&op, uop))
        return -EFAULT;
    d = domain_for_hypercall(op.dom, ACTION_SET_UP, &rc);
    if (!d)
        return rc;
    domain_put(d);
    op.version = 1;
    return write_guest(uop, &op);
}

static int64_t gnttab_get_status_frames(gva_t uop, uint32_t count)
{
    struct gnttab_get_status_frames op;
    struct domain *d;

    if (count != 1)
        return -EINVAL;
    if (read_guest(&op, uop))
        return -EFAULT;
    d = table_of(op.dom, &op.status);
    if (d) {
        op.status = GNTST_general_error; /* they belong to version 2 */
        domain_put(d);
    }
    return write_guest_field(uop, struct gnttab_get_status_frames, status, op.status);
}

/* Operations on arrays: see grant_table.h for what they return. */

static int16_t swap_entries(struct grant_table *gt, uint32_t a, uint32_t b)
{
    struct grant_active *first, *second;
    struct grant_entry_v1 tmp;

    if (!gnttab_ref_ok(gt, &a) || !gnttab_ref_ok(gt, &b))
        return GNTST_bad_gntref;
    if (a == b)
        return GNTST_okay;
    if (!gnttab_use(gt, max(a, b))) /* now: no memory is asked for with the first one's lock held */
        return GNTST_eagain;
    /* Lower reference first. */
    first = gnttab_lock_idle(gt, min(a, b));
    if (!first)
        return GNTST_eagain;
    second = gnttab_lock_idle(gt, max(a, b));
    if (second) {
        tmp = *gnttab_entry(gt, a);
        *gnttab_entry(gt, a) = *gnttab_entry(gt, b);
        *gnttab_entry(gt, b) = tmp;
        byte_unlock(&second->lock);
    }
    byte_unlock(&first->lock);
    return second ? GNTST_okay : GNTST_eagain;
}

static int64_t gnttab_swap_grant_ref(gva_t uop, uint32_t count)
{
    struct gnttab_swap_grant_ref op;

    for (uint32_t i = 0; i < count; i++) {
        if (i && hypercall_preempt_check(1))
            return i;
        if (read_guest_elem(&op, uop, i))
            return -EFAULT;
        op.status = swap_entries(current->domain->grant, op.ref_a, op.ref_b);
        if (write_guest_field(gva_add(uop, i * sizeof(op)), struct gnttab_swap_grant_ref, status, op.status))
            return -EFAULT;
    }
    return count;
}

/* Caches are coherent with DMA on this architecture: cleaning needs nothing, and invalidating without writing
 * back does not exist. */
static int cache_flush(const struct gnttab_cache_flush *op)
{
    mfn_t m = mfn(op->a.dev_bus_addr >> PAGE_SHIFT);

    if (op->offset >= PAGE_SIZE || op->length > PAGE_SIZE || op->offset + op->length > (int)PAGE_SIZE ||
        (op->op & ~(GNTTAB_CACHE_CLEAN | GNTTAB_CACHE_INVAL)))
        return op->op & GNTTAB_CACHE_SOURCE_GREF ? -EOPNOTSUPP : -EINVAL;
    if (!op->length || !op->op)
        return 0;
    if (!frame_get_from_mfn(m, current->domain))
        return -EINVAL;
    frame_put(mfn_to_frame(m));
    return op->op == GNTTAB_CACHE_INVAL ? -EOPNOTSUPP : 0;
}

static int64_t gnttab_cache_flush(gva_t uop, uint32_t count)
{
    struct gnttab_cache_flush op;
    int rc;

    for (uint32_t i = 0; i < count; i++) {
        if (i && hypercall_preempt_check(1))
            return i;
        if (read_guest_elem(&op, uop, i))
            return -EFAULT;
        rc = cache_flush(&op);
        if (rc)
            return rc;
    }
    return count;
}

struct grant_array_op {
    int64_t (*fn)(gva_t uop, uint32_t count);
    uint8_t size; /* of an element */
    bool pv_only; /* what it does is to machine frames or page tables */
};

static const struct grant_array_op array_ops[] = {
    [GNTTABOP_map_grant_ref] = { gnttab_map, sizeof(struct gnttab_map_grant_ref) },
    [GNTTABOP_unmap_grant_ref] = { gnttab_unmap, sizeof(struct gnttab_unmap_grant_ref) },
    [GNTTABOP_transfer] = { gnttab_transfer, sizeof(struct gnttab_transfer), true },
    [GNTTABOP_copy] = { gnttab_copy, sizeof(struct gnttab_copy) },
    [GNTTABOP_unmap_and_replace] = { gnttab_unmap_and_replace, sizeof(struct gnttab_unmap_and_replace),
                                     true },
    [GNTTABOP_swap_grant_ref] = { gnttab_swap_grant_ref, sizeof(struct gnttab_swap_grant_ref) },
    [GNTTABOP_cache_flush] = { gnttab_cache_flush, sizeof(struct gnttab_cache_flush), true },
};

/* Operations on one structure. */
static __noinline int64_t run_single(uint32_t cmd, gva_t uop, uint32_t count)
{
    switch (cmd) {
    case GNTTABOP_setup_table:
        return gnttab_setup_table(uop, count);
    case GNTTABOP_query_size:
        return gnttab_query_size(uop, count);
    case GNTTABOP_set_version:
        return gnttab_set_version(uop);
    case GNTTABOP_get_version:
        return gnttab_get_version(uop);
    case GNTTABOP_get_status_frames:
        return is_hvm_domain(current->domain) ? -ENOSYS : gnttab_get_status_frames(uop, count);
    default:
        return -ENOSYS;
    }
}

/*
 * arg: GNTTABOP_*, array, number of elements (32 bits). 0 with a status in each element, or -errno: -EFAULT,
 * -EINVAL (number), -ENOSYS. Restarts behind the elements that are done.
 */
int64_t do_grant_table_op(uint64_t arg[6])
{
    uint32_t cmd = (uint32_t)arg[0], count = (uint32_t)arg[2];
    const struct grant_array_op *op = &array_ops[index_nospec(cmd, ARRAY_SIZE(array_ops))];
    gva_t uop = gva(arg[1]);
    int64_t done;

    if ((int32_t)count < 0)
        return -EINVAL;
    if (cmd >= ARRAY_SIZE(array_ops) || !op->fn)
        return run_single(cmd, uop, count);
    if (unlikely(op->pv_only) && is_hvm_domain(current->domain))
        return -ENOSYS;
    if (!guest_range_ok(uop, (uint64_t)count * op->size))
        return -EFAULT;
    done = op->fn(uop, count);
    if (likely(done == count))
        return 0;
    if (done < 0)
        return done;
    arg[1] += (uint64_t)done * op->size;
    arg[2] = count - (uint64_t)done;
    return HYPERCALL_RESTART;
}
