/* SPDX-License-Identifier: MIT */
/*
 * XENMEM_exchange: frames of a domain against others of another size or place, contents lost. It works in
 * chunks of the larger of the two extent sizes: take the chunk's input frames away from the domain, allocate
 * the output, and only when both succeeded free the one and assign the other; else the input goes back.
 * Progress is kept in the guest's nr_exchanged.
 */
#include "hypercalls/memory.h"
#include "hv/domain/work.h"
#include "hv/mm/domain_memory.h"
#include "hv/mm/m2p.h"
#include <xen/memory.h>

#define CHUNK_ORDER_MAX 12
#define WORK_FRAME      4

/* Frames of a chunk that are nobody's at the moment: a list through struct frame. */
struct frame_stack {
    uint32_t top;
};

struct exchange {
    struct xen_memory_exchange x;
    struct domain *d;
    unsigned int flags;
    unsigned int in_per_chunk, out_per_chunk; /* extents; log2 */
};

static void push(struct frame_stack *s, struct frame *f)
{
    f->next = s->top;
    s->top = (uint32_t)frame_to_mfn(f).m;
}

static struct frame *pop(struct frame_stack *s)
{
    struct frame *f;

    if (s->top == FRAME_LIST_END)
        return NULL;
    f = mfn_to_frame(mfn(s->top));
    s->top = f->next;
    return f;
}

static int check_sizes(const struct xen_memory_exchange *x)
{
    const struct xen_memory_reservation *in = &x->in, *out = &x->out;
    unsigned int max_order = memory_max_order(current->domain);

    if (in->extent_order > max_order || out->extent_order > max_order)
        return -EPERM;
    if (x->nr_exchanged > in->nr_extents || in->domid != out->domid ||
        in->nr_extents > (~0ULL >> in->extent_order) || out->nr_extents > (~0ULL >> out->extent_order) ||
        in->nr_extents << in->extent_order != out->nr_extents << out->extent_order)
        return -EINVAL;
    if (!guest_range_ok(gva_of_handle(in->extent_start), in->nr_extents * sizeof(xen_pfn_t)) ||
        !guest_range_ok(gva_of_handle(out->extent_start), out->nr_extents * sizeof(xen_pfn_t)))
        return -EFAULT;
    return 0;
}

/* Take the input of chunk `n` away from the domain. */
static int take_input(const struct exchange *e, uint64_t n, struct frame_stack *taken)
{
    for (uint64_t i = 0; i < 1ULL << e->in_per_chunk; i++) {
        xen_pfn_t frame;

        if (read_guest_elem(&frame, gva_of_handle(e->x.in.extent_start), (n << e->in_per_chunk) + i))
            return -EFAULT;
        for (uint64_t j = 0; j < 1ULL << e->x.in.extent_order; j++) {
            mfn_t m = mfn(frame + j);
            uint64_t pfn = mfn_valid(m) ? m2p_get(m) : 0;

            if (!mfn_valid(m) || !domain_steal_frame(e->d, mfn_to_frame(m)))
                return -EINVAL;
            m2p_set(m, pfn); /* stays for the way back */
            push(taken, mfn_to_frame(m));
        }
    }
    return 0;
}

static int allocate_output(const struct exchange *e, struct frame_stack *fresh)
{
    for (uint64_t i = 0; i < 1ULL << e->out_per_chunk; i++) {
        struct frame *f = frame_alloc(e->x.out.extent_order, e->flags | ALLOC_ZERO);

        if (!f)
            return -ENOMEM;
        push(fresh, f);
    }
    return 0;
}

/* Output extents become the domain's, under the frame numbers that their list names. */
static int assign_output(const struct exchange *e, uint64_t n, struct frame_stack *fresh)
{
    unsigned int order = e->x.out.extent_order;
    int rc = 0;

    for (uint64_t i = n << e->out_per_chunk; i < (n + 1) << e->out_per_chunk; i++) {
        struct frame *f = pop(fresh);
        mfn_t m = frame_to_mfn(f);
        xen_pfn_t pfn;

        if (!domain_assign_frames(e->d, f, order)) {
            frame_free(f, order);
            rc = -EINVAL; /* the domain is dying */
            continue;
        }
        if (read_guest_elem(&pfn, gva_of_handle(e->x.out.extent_start), i)) {
            rc = -EFAULT;
            continue;
        }
        for (uint64_t j = 0; j < 1ULL << order; j++)
            m2p_set(mfn_add(m, j), pfn + j);
        if (write_guest_elem(gva_of_handle(e->x.out.extent_start), i, &(xen_pfn_t){ m.m }))
            rc = -EFAULT;
    }
    return rc;
}

static void free_taken(struct frame *f)
{
    m2p_set(frame_to_mfn(f), INVALID_M2P_ENTRY);
    frame_free_dirty(f, 0);
}

static void give_back(const struct exchange *e, struct frame_stack *taken)
{
    for (struct frame *f = pop(taken); f; f = pop(taken))
        if (!domain_assign_stolen(e->d, f))
            free_taken(f);
}

static int exchange_chunk(const struct exchange *e, uint64_t n)
{
    struct frame_stack taken = { FRAME_LIST_END }, fresh = { FRAME_LIST_END };
    int rc = take_input(e, n, &taken);
    struct frame *f;

    if (!rc)
        rc = allocate_output(e, &fresh);
    if (rc) {
        while ((f = pop(&fresh)))
            frame_free(f, e->x.out.extent_order);
        give_back(e, &taken);
        return rc;
    }
    while ((f = pop(&taken)))
        free_taken(f);
    return assign_output(e, n, &fresh);
}

static int64_t exchange_all(struct exchange *e, gva_t arg)
{
    unsigned int chunk_order = e->x.in.extent_order + e->in_per_chunk;
    uint64_t chunks = e->x.in.nr_extents >> e->in_per_chunk, first = e->x.nr_exchanged >> e->in_per_chunk, n;
    int64_t rc = 0;

    for (n = first; !rc && n < chunks; n++) {
        if (work_exhausted(WORK_FRAME << chunk_order) && n != first) {
            rc = HYPERCALL_RESTART;
            break;
        }
        rc = exchange_chunk(e, n);
        if (rc)
            break;
    }
    e->x.nr_exchanged = n == chunks && !rc ? e->x.in.nr_extents : n << e->in_per_chunk;
    if (write_guest_field(arg, struct xen_memory_exchange, nr_exchanged, e->x.nr_exchanged))
        return -EFAULT;
    return rc;
}

/* 0; -EFAULT, -EPERM (extent order, or not the caller's to change), -EINVAL, -ESRCH, -ENOMEM. */
int64_t memory_exchange(uint64_t *word __unused, gva_t arg)
{
    struct exchange e = { .in_per_chunk = 0 };
    int64_t result;
    int rc;

    if (read_guest(&e.x, arg))
        return -EFAULT;
    rc = check_sizes(&e.x);
    if (rc)
        return rc;
    if (e.x.in.extent_order < e.x.out.extent_order)
        e.in_per_chunk = e.x.out.extent_order - e.x.in.extent_order;
    else
        e.out_per_chunk = e.x.in.extent_order - e.x.out.extent_order;
    rc = memory_alloc_flags(e.x.out.mem_flags, &e.flags);
    if (rc)
        return rc;
    e.d = domain_for_hypercall(e.x.in.domid, ACTION_MAP_FOREIGN, &rc);
    if (!e.d)
        return rc;
    /* Machine frames are of no use to a hardware guest. */
    result = is_hvm_domain(e.d) ? -EOPNOTSUPP : exchange_all(&e, arg);
    domain_put(e.d);
    return result;
}
