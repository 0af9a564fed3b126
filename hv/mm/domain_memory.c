/* SPDX-License-Identifier: MIT */
/*
 * A domain's frames form a doubly linked list through the frame table. While a domain has any, it is entered
 * in `owners` and holds a reference to itself, so that a frame's domain id always leads to the right struct
 * domain, even when the frame outlives the domain's life because another domain maps it.
 */
#include "hv/mm/domain_memory.h"
#include "hv/cpu/ipi.h"
#include "hv/domain/domain.h"
#include "hv/lib/bug.h"
#include "hv/mm/m2p.h"

#define OWNERS_PER_PAGE (PAGE_SIZE / sizeof(struct domain *))

/* Domains with memory, by id: two levels. A leaf page is never given back. */
typedef struct domain *domain_ptr;
static domain_ptr *owners[DIV_ROUND_UP(DOMID_FIRST_RESERVED, OWNERS_PER_PAGE)];

struct domain *frame_owner(const struct frame *f)
{
    domid_t id = f->owner;
    const domain_ptr *leaf = id < DOMID_FIRST_RESERVED ? READ_ONCE(owners[id / OWNERS_PER_PAGE]) : NULL;

    return leaf ? READ_ONCE(leaf[id % OWNERS_PER_PAGE]) : NULL;
}

static bool owner_enter(struct domain *d)
{
    domain_ptr **slot = &owners[d->id / OWNERS_PER_PAGE], *none = NULL, *leaf = READ_ONCE(*slot);

    if (!leaf) {
        leaf = hv_alloc_pages(0, ALLOC_ZERO);
        if (!leaf)
            return false;
        if (!atomic_cmpxchg(slot, &none, leaf)) {
            hv_free_pages(leaf, 0);
            leaf = none;
        }
    }
    leaf[d->id % OWNERS_PER_PAGE] = d;
    return true;
}

/* Under d->page_lock. */
static void page_list_add(struct domain *d, struct frame *f)
{
    uint32_t m = (uint32_t)frame_to_mfn(f).m;

    f->prev = FRAME_LIST_END;
    f->next = d->page_list;
    if (d->page_list != FRAME_LIST_END)
        mfn_to_frame(mfn(d->page_list))->prev = m;
    d->page_list = m;
}

static void page_list_del(struct domain *d, struct frame *f)
{
    if (f->prev != FRAME_LIST_END)
        mfn_to_frame(mfn(f->prev))->next = f->next;
    else
        d->page_list = f->next;
    if (f->next != FRAME_LIST_END)
        mfn_to_frame(mfn(f->next))->prev = f->prev;
}

/* Count `n` more pages of d; false when it may not have them. Under d->page_lock. */
static bool pages_charge(struct domain *d, uint64_t n)
{
    if (d->dying || n > d->max_pages || d->tot_pages > d->max_pages - n)
        return false;
    if (d->tot_pages == 0 && !(owner_enter(d) && domain_get(d)))
        return false;
    d->tot_pages += n;
    return true;
}

/* Under d->page_lock: the domain has `n` pages less; true when these were the last, and then the caller does
 * domain_put_locked(d). */
static bool pages_uncharge(struct domain *d, uint64_t n)
{
    d->tot_pages -= n;
    if (d->tot_pages)
        return false;
    owners[d->id / OWNERS_PER_PAGE][d->id % OWNERS_PER_PAGE] = NULL;
    return true;
}

/* Under d->page_lock. */
static void pages_enlist(struct domain *d, struct frame *f, unsigned int order)
{
    for (uint64_t i = 1ULL << order; i-- > 0;) {
        f[i].owner = d->id;
        f[i].type = PGT_NONE;
        page_list_add(d, &f[i]);
        smp_wmb();
        WRITE_ONCE(f[i].count, FRAME_ALLOCATED | 1);
    }
}

bool domain_assign_frames(struct domain *d, struct frame *f, unsigned int order)
{
    bool ok;

    spin_lock(&d->page_lock); /* held from the question whether d is dying to the end, so that its teardown
                                 sees all */
    ok = pages_charge(d, 1ULL << order);
    if (ok)
        pages_enlist(d, f, order);
    spin_unlock(&d->page_lock);
    return ok;
}

bool domain_assign_stolen(struct domain *d, struct frame *f)
{
    cpumask_t stale = tlb_flush_needed(cpu_online_map, f->stamp);

    if (stale.bits)
        tlb_flush_mask(stale, FLUSH_ALL_VA);
    return domain_assign_frames(d, f, 0);
}

struct frame *domain_alloc_frames(struct domain *d, unsigned int order, unsigned int flags)
{
    struct frame *f;

    if (order > FRAME_ORDER_MAX)
        return NULL;
    /* Not only other guests' pages: what the hypervisor or a boot module left is nobody's business either. */
    f = frame_alloc(order, flags | ALLOC_ZERO);
    if (f && !domain_assign_frames(d, f, order)) {
        frame_free(f, order);
        f = NULL;
    }
    return f;
}

void domain_frame_released(struct frame *f)
{
    struct domain *d = frame_owner(f);
    bool last = false;

    ASSERT(!(f->type & PGT_COUNT_MASK) || (f->count & FRAME_HV_SHARED));
    f->stamp = tlb_clock_now();
    if (f->owner != DOMID_XEN) {
        BUG_ON(!d);
        spin_lock(&d->page_lock);
        page_list_del(d, f);
        last = pages_uncharge(d, 1);
        spin_unlock(&d->page_lock);
        m2p_set(frame_to_mfn(f), INVALID_M2P_ENTRY);
    }
    f->count = 0;
    frame_free_dirty(f, 0);
    if (last)
        domain_put_locked(d);
}

bool domain_steal_frame(struct domain *d, struct frame *f)
{
    uint64_t sole = FRAME_ALLOCATED | 1;
    bool last;

    spin_lock(&d->page_lock);
    if (f->owner != d->id || (READ_ONCE(f->type) & PGT_COUNT_MASK) || !atomic_cmpxchg(&f->count, &sole, 0)) {
        spin_unlock(&d->page_lock);
        return false;
    }
    f->stamp = tlb_clock_now();
    page_list_del(d, f);
    last = pages_uncharge(d, 1);
    spin_unlock(&d->page_lock);
    m2p_set(frame_to_mfn(f), INVALID_M2P_ENTRY);
    if (last)
        domain_put_locked(d);
    return true;
}

struct frame *domain_frame_next(struct domain *d, struct frame *prev)
{
    struct frame *f = NULL;
    uint32_t m;

    spin_lock(&d->page_lock);
    for (m = prev ? prev->next : d->page_list; m != FRAME_LIST_END; m = f->next) {
        f = mfn_to_frame(mfn(m));
        if (frame_get(f, NULL))
            break; /* else its last reference just went, and it waits for the lock to leave the list */
    }
    spin_unlock(&d->page_lock);
    if (prev)
        frame_put(prev);
    return m == FRAME_LIST_END ? NULL : f;
}

void frame_share_with_domain(void *va, struct domain *d, bool writable)
{
    struct frame *f = mfn_to_frame(virt_to_mfn(va));

    f->owner = d->id;
    f->type = (writable ? PGT_WRITABLE : PGT_NONE) | PGT_VALIDATED | 1;
    smp_wmb();
    WRITE_ONCE(f->count, FRAME_ALLOCATED | FRAME_HV_SHARED | 1);
    spin_lock(&d->page_lock);
    d->shared_pages++;
    spin_unlock(&d->page_lock);
}

void frame_unshare(void *va)
{
    struct frame *f = mfn_to_frame(virt_to_mfn(va));

    WRITE_ONCE(f->owner, DOMID_XEN); /* nobody obtains it any more; those who map it still may */
    frame_drop_allocation(f);
}
