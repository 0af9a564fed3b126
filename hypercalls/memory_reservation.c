/* SPDX-License-Identifier: MIT */
/*
 * Changing how much memory a domain has: increase, decrease and populate. All take a list of extents and
 * return how many were done, whatever stopped them; a bad argument does none.
 */
#include "hypercalls/memory.h"
#include "hypercalls/physmap.h"
#include "hv/domain/work.h"
#include "hv/mm/m2p.h"
#include <xen/memory.h>

#define MAX_ORDER_GUEST    9
#define MAX_ORDER_HARDWARE 12

/* Cost of one page in units of work. */
#define WORK_PAGE 4

struct reservation {
    struct domain *d;
    struct xen_memory_reservation r;
    unsigned int flags;
};

/* One extent: false ends the list there. */
typedef bool extent_fn(const struct reservation *a, uint64_t i);

unsigned int memory_max_order(const struct domain *d)
{
    return d->privileged || d->hardware ? MAX_ORDER_HARDWARE : MAX_ORDER_GUEST;
}

int memory_alloc_flags(uint32_t mem_flags, unsigned int *flags)
{
    unsigned int bits = XENMEMF_get_address_bits(mem_flags);

    *flags = 0;
    if (!bits || (bits <= 52 && !(max_mfn >> (bits > PAGE_SHIFT ? bits - PAGE_SHIFT : 0))))
        return 0; /* no limit, or one above all RAM */
    if (bits < 32)
        return -EINVAL; /* there is no zone below 4 GiB */
    *flags = ALLOC_BELOW_4G;
    return 0;
}

static bool list_ok(const struct xen_memory_reservation *r)
{
    return guest_range_ok(gva_of_handle(r->extent_start), r->nr_extents * sizeof(xen_pfn_t));
}

static bool read_extent(const struct reservation *a, uint64_t i, xen_pfn_t *pfn)
{
    return read_guest_elem(pfn, gva_of_handle(a->r.extent_start), i) == 0;
}

static bool write_extent(const struct reservation *a, uint64_t i, xen_pfn_t frame)
{
    return write_guest_elem(gva_of_handle(a->r.extent_start), i, &frame) == 0;
}

static bool populate_one(const struct reservation *a, uint64_t i)
{
    struct frame *f;
    xen_pfn_t pfn;
    mfn_t m;

    if (!read_extent(a, i, &pfn))
        return false;
    if (is_hvm_domain(a->d))
        return !physmap_populate(a->d, gfn(pfn), a->r.extent_order, a->flags);
    f = domain_alloc_frames(a->d, a->r.extent_order, a->flags);
    if (!f)
        return false;
    m = frame_to_mfn(f);
    for (uint64_t j = 0; j < 1ULL << a->r.extent_order; j++)
        m2p_set(mfn_add(m, j), pfn + j);
    return write_extent(a, i, m.m);
}

static bool increase_one(const struct reservation *a, uint64_t i)
{
    struct frame *f;

    if (is_hvm_domain(a->d))
        return false; /* memory has to go somewhere: populate */
    f = domain_alloc_frames(a->d, a->r.extent_order, a->flags);
    if (!f)
        return false;
    return !gva_of_handle(a->r.extent_start).va || write_extent(a, i, frame_to_mfn(f).m);
}

/* Mappings and other uses that are left keep the frame; it goes with the last of them. */
static bool give_up_frame(struct domain *d, mfn_t m)
{
    struct frame *f = mfn_to_frame(m);
    bool ok;

    if (!frame_get_from_mfn(m, d))
        return false;
    ok = !(f->count & FRAME_HV_SHARED);
    if (ok)
        frame_drop_allocation(f);
    frame_put(f);
    return ok;
}

static bool decrease_one(const struct reservation *a, uint64_t i)
{
    xen_pfn_t frame;

    if (!read_extent(a, i, &frame))
        return false;
    for (uint64_t j = 0; j < 1ULL << a->r.extent_order; j++)
        if (is_hvm_domain(a->d) ? physmap_give_up(a->d, gfn(frame + j))
                                : !give_up_frame(a->d, mfn(frame + j)))
            return false;
    return true;
}

static int64_t run_extents(uint64_t *word, const struct reservation *a, extent_fn *one)
{
    uint64_t start = MEMORY_EXTENT(*word), i;

    for (i = start; i < a->r.nr_extents; i++) {
        if (work_exhausted(WORK_PAGE << a->r.extent_order) && i != start) {
            *word = MEMORY_CMD(*word) | i << MEMORY_EXTENT_SHIFT;
            return HYPERCALL_RESTART;
        }
        if (!one(a, i))
            break;
    }
    return (int64_t)i;
}

static int64_t change_reservation(uint64_t *word, gva_t arg, extent_fn *one, bool list_needed)
{
    uint64_t start = MEMORY_EXTENT(*word);
    struct reservation a;
    int64_t done = (int64_t)start;
    int rc;

    if (read_guest(&a.r, arg) || a.r.nr_extents > (~0ULL >> MEMORY_EXTENT_SHIFT) || start >= a.r.nr_extents)
        return done;
    a.d = domain_for_hypercall(a.r.domid, ACTION_MAP_FOREIGN, &rc);
    if (!a.d)
        return done;
    if (memory_alloc_flags(a.r.mem_flags, &a.flags) == 0 &&
        a.r.extent_order <= memory_max_order(current->domain) &&
        ((!list_needed && !gva_of_handle(a.r.extent_start).va) || list_ok(&a.r)))
        done = run_extents(word, &a, one);
    domain_put(a.d);
    return done;
}

int64_t memory_populate_physmap(uint64_t *word, gva_t arg)
{
    return change_reservation(word, arg, populate_one, true);
}

int64_t memory_increase_reservation(uint64_t *word, gva_t arg)
{
    return change_reservation(word, arg, increase_one, false);
}

int64_t memory_decrease_reservation(uint64_t *word, gva_t arg)
{
    return change_reservation(word, arg, decrease_one, true);
}
