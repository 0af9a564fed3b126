/* SPDX-License-Identifier: MIT */
/*
 * The frame allocator: a buddy system over the frame table.
 *
 * A free block of 2^order frames is aligned to its size and known by its first frame, which has FRAME_FREE
 * set, holds the order in `aux` and stands on the free list of that order. Blocks whose contents may be a
 * guest's are FRAME_DIRTY; their `stamp` is the TLB clock of the last release in them. Both are settled when
 * the block is allocated, outside the lock: stale translations are flushed where they may still exist, and
 * the contents are cleared.
 *
 * Two zones keep RAM below 4 GiB for those who need it. Further RAM waits in chunks (frame_chunk.h) until it
 * is needed.
 */
#include "hv/mm/frame.h"
#include "hv/cpu/ipi.h"
#include "hv/lib/bug.h"
#include "hv/lib/spinlock.h"
#include "hv/lib/string.h"
#include "hv/mm/frame_chunk.h"
#include "hv/mm/mm_init.h"

#define FRAME_DIRTY BIT(60) /* with FRAME_FREE: contents may be a guest's */

#define ZONE_LOW_END  (GIB(4) >> PAGE_SHIFT)
#define ZONE_LOW_KEEP (MIB(128) >> PAGE_SHIFT) /* of the low zone, while memory above it waits */

enum { ZONE_LOW, ZONE_HIGH, ZONES };

static struct spinlock alloc_lock = SPINLOCK_INIT(LOCK_FRAME_ALLOC);
/* Under alloc_lock: */
static uint32_t free_list[ZONES][FRAME_ORDER_MAX + 1];
static uint64_t free_frames[ZONES];
static uint64_t total_frames;

static unsigned int zone_of(const struct frame *f)
{
    return frame_to_mfn(f).m < ZONE_LOW_END ? ZONE_LOW : ZONE_HIGH;
}

static struct frame *frame_at(uint32_t m)
{
    return mfn_to_frame(mfn(m));
}

static void list_push(struct frame *f, unsigned int order)
{
    uint32_t *head = &free_list[zone_of(f)][order], m = (uint32_t)frame_to_mfn(f).m;

    f->aux = (uint16_t)order;
    f->prev = FRAME_LIST_END;
    f->next = *head;
    if (*head != FRAME_LIST_END)
        frame_at(*head)->prev = m;
    *head = m;
}

static void list_unlink(struct frame *f)
{
    if (f->prev != FRAME_LIST_END)
        frame_at(f->prev)->next = f->next;
    else
        free_list[zone_of(f)][f->aux] = f->next;
    if (f->next != FRAME_LIST_END)
        frame_at(f->next)->prev = f->prev;
}

/* The free block of the same order that forms a block of the next order with f, or NULL. */
static struct frame *free_buddy(const struct frame *f, unsigned int order)
{
    mfn_t m = mfn(frame_to_mfn(f).m ^ (1ULL << order));
    struct frame *buddy;

    if (order == FRAME_ORDER_MAX || !mfn_valid(m))
        return NULL;
    buddy = mfn_to_frame(m);
    return (buddy->count & FRAME_FREE) && buddy->aux == order ? buddy : NULL;
}

/* Give a block back and join it with its free neighbours. */
static void block_free(struct frame *f, unsigned int order, uint64_t dirty)
{
    struct frame *buddy;

    free_frames[zone_of(f)] += 1ULL << order;
    while ((buddy = free_buddy(f, order))) {
        list_unlink(buddy);
        if ((buddy->count & FRAME_DIRTY) && (!dirty || (int32_t)(buddy->stamp - f->stamp) > 0)) {
            f->stamp = buddy->stamp;
            dirty = FRAME_DIRTY;
        }
        if (buddy < f) {
            buddy->stamp = f->stamp;
            f->count = 0;
            f = buddy;
        } else {
            buddy->count = 0;
        }
        order++;
    }
    f->count = FRAME_FREE | dirty;
    list_push(f, order);
}

/* Take a block of 2^order frames out of a zone; larger ones are split. NULL when there is none. */
static struct frame *block_take(unsigned int zone, unsigned int order)
{
    unsigned int o = order;
    struct frame *f;

    while (o <= FRAME_ORDER_MAX && free_list[zone][o] == FRAME_LIST_END)
        o++;
    if (o > FRAME_ORDER_MAX)
        return NULL;
    f = frame_at(free_list[zone][o]);
    list_unlink(f);
    while (o > order) {
        struct frame *upper = f + (1u << --o);

        upper->count = f->count;
        upper->stamp = f->stamp;
        list_push(upper, o);
    }
    free_frames[zone] -= 1ULL << order;
    return f;
}

/* Free [s.start, s.end) as the largest aligned blocks that fit. */
static void span_free(struct frame_span s)
{
    while (s.start < s.end) {
        unsigned int order = min(bit_lowest(s.start), bit_highest(s.end - s.start));

        order = min(order, (unsigned int)FRAME_ORDER_MAX);
        block_free(mfn_to_frame(mfn(s.start)), order, 0);
        s.start += 1ULL << order;
    }
}

static struct frame *block_take_any(unsigned int order, unsigned int flags)
{
    bool low_only = flags & ALLOC_BELOW_4G;
    struct frame *f;

    do {
        f = low_only ? NULL : block_take(ZONE_HIGH, order);
        if (!f && (low_only || free_frames[ZONE_LOW] > ZONE_LOW_KEEP || !frame_chunk_waiting()))
            f = block_take(ZONE_LOW, order);
    } while (!f && frame_chunk_activate_next(low_only ? ZONE_LOW_END : UINT64_MAX, span_free));
    return f ? f : block_take(ZONE_LOW, order);
}

struct frame *frame_alloc(unsigned int order, unsigned int flags)
{
    struct frame *f;
    bool dirty;

    if (order > FRAME_ORDER_MAX)
        return NULL;
    spin_lock(&alloc_lock);
    f = block_take_any(order, flags);
    if (f) {
        dirty = f->count & FRAME_DIRTY;
        f->count = 0;
    }
    spin_unlock(&alloc_lock);
    if (!f)
        return NULL;

    if (dirty) {
        cpumask_t stale = tlb_flush_needed(cpu_online_map, f->stamp);

        if (stale.bits)
            tlb_flush_mask(stale, FLUSH_ALL_VA);
    }
    if (dirty || (flags & ALLOC_ZERO))
        memset(frame_to_virt(f), 0, PAGE_SIZE << order);
    return f;
}

static void frame_free_as(struct frame *f, unsigned int order, uint64_t dirty)
{
    ASSERT(!(f->count & (FRAME_FREE | FRAME_COUNT_MASK)));
    spin_lock(&alloc_lock);
    block_free(f, order, dirty);
    spin_unlock(&alloc_lock);
}

void frame_free(struct frame *f, unsigned int order)
{
    frame_free_as(f, order, 0);
}

void frame_free_dirty(struct frame *f, unsigned int order)
{
    frame_free_as(f, order, FRAME_DIRTY);
}

void *hv_alloc_pages(unsigned int order, unsigned int flags)
{
    struct frame *f = frame_alloc(order, flags);

    if (!f)
        return NULL;
    for (unsigned int i = 0; i < 1u << order; i++) {
        f[i].owner = DOMID_XEN;
        f[i].type = PGT_NONE;
        WRITE_ONCE(f[i].count, FRAME_ALLOCATED | 1);
    }
    return frame_to_virt(f);
}

void hv_free_pages(void *va, unsigned int order)
{
    struct frame *f = mfn_to_frame(virt_to_mfn(va));

    for (unsigned int i = 0; i < 1u << order; i++) {
        ASSERT(f[i].count == (FRAME_ALLOCATED | 1));
        f[i].count = 0;
    }
    frame_free(f, order);
}

uint64_t frames_free(void)
{
    return READ_ONCE(free_frames[ZONE_LOW]) + READ_ONCE(free_frames[ZONE_HIGH]) + frame_chunk_waiting();
}

uint64_t frames_total(void)
{
    return total_frames;
}

void frame_alloc_add_range(mfn_t start, mfn_t end)
{
    spin_lock(&alloc_lock);
    for (uint64_t m = start.m; m < end.m; m++) {
        while (!mfn_valid(mfn(m)) && frame_chunk_activate_next(m, span_free))
            ;
        if (!mfn_valid(mfn(m)))
            continue; /* no RAM of the chunk was usable before, so it has no struct frames */
        block_free(mfn_to_frame(mfn(m)), 0, 0);
        total_frames++;
    }
    spin_unlock(&alloc_lock);
}

void __init frame_alloc_start(void)
{
    for (unsigned int zone = 0; zone < ZONES; zone++)
        for (unsigned int order = 0; order <= FRAME_ORDER_MAX; order++)
            free_list[zone][order] = FRAME_LIST_END;
    total_frames = frame_chunk_waiting();
    if (!frame_chunk_activate_next(UINT64_MAX, span_free))
        panic("Too little memory for the frame table");
}
