/* SPDX-License-Identifier: MIT */
/*
 * The frame table: owner, references and type of every machine frame, and the frame allocator.
 * The rules for types are the essay at the head of hv/pv/page_type.c; the reference rules are here:
 *
 * A frame is free, or allocated to an owner (a domain id, or DOMID_XEN for the hypervisor itself, DOMID_IO
 * for frames that are not RAM). An allocated frame has FRAME_ALLOCATED set and one reference that stands for
 * the allocation; each mapping, grant, pin or other use takes a further reference with frame_get(). The last
 * frame_put() frees it. count and type are only changed by atomic compare-and-swap.
 */
#ifndef HV_MM_FRAME_H
#define HV_MM_FRAME_H

#include "hv/mm/mfn.h"
#include "hv/mm/layout.h"
#include "hv/lib/atomic.h"
#include "hv/lib/bitops.h"
#include <xen/xen.h>

struct domain;

struct frame {
    uint64_t count;      /* FRAME_* flags and reference count */
    uint64_t type;       /* PGT_* type, flags and type count */
    uint32_t next, prev; /* list links as mfn (free list or owner's page list), FRAME_LIST_END ends */
    uint32_t stamp;      /* TLB clock when a mapping or a use as a table last ended, or the frame was freed */
    uint16_t owner;      /* domid_t of the owner while allocated */
    uint16_t aux;        /* order while free; entries validated so far while PGT_PARTIAL */
};
_Static_assert(sizeof(struct frame) == 32, "frame table entries are 32 bytes");

#define FRAME_LIST_END 0xffffffffu

/* count: */
#define FRAME_ALLOCATED BIT(63) /* holds the allocation's own reference */
#define FRAME_HV_SHARED \
    BIT(62) /* hypervisor's page shared with `owner` (shared_info, grant table): never on its page list */
#define FRAME_FREE       BIT(61)                 /* head of a free block in the allocator */
#define FRAME_CACHE(pat) ((uint64_t)(pat) << 56) /* cache attribute of mappings other than WB, 3 bits */
#define FRAME_COUNT_MASK (BIT(56) - 1)

/* type: */
#define PGT_NONE      (0ULL << 61)
#define PGT_L1        (1ULL << 61)
#define PGT_L2        (2ULL << 61)
#define PGT_L3        (3ULL << 61)
#define PGT_L4        (4ULL << 61)
#define PGT_SEG_DESC  (5ULL << 61)
#define PGT_WRITABLE  (7ULL << 61)
#define PGT_TYPE_MASK (7ULL << 61)
#define PGT_PINNED    BIT(60) /* the guest holds one type reference by MMUEXT_PIN_* */
#define PGT_VALIDATED BIT(59) /* contents were checked for the type */
#define PGT_PARTIAL   BIT(58) /* validation was preempted; `aux` entries are done */
/* Tables and descriptor pages carry their owner's id, so that one load shows whose validated table a frame
 * is. */
#define PGT_OWNER(id)  ((uint64_t)(id) << 40)
#define PGT_OWNER_MASK PGT_OWNER(0xffff)
#define PGT_COUNT_MASK (BIT(40) - 1)

#define frame_table ((struct frame *)FRAME_TABLE_START)

extern uint64_t max_mfn;           /* one past the highest RAM frame */
extern uint64_t frame_chunk_map[]; /* which 256 MiB chunks of the frame table are backed */
#define FRAME_CHUNK_SHIFT 16
#define FRAME_CHUNKS_MAX  (1u << 15) /* 8 TiB of machine address space */

/* True when `m` has a struct frame (RAM, or a hole inside a backed chunk, which DOMID_IO owns). */
static inline bool mfn_valid(mfn_t m)
{
    return m.m < max_mfn && bit_test(frame_chunk_map, (unsigned int)(m.m >> FRAME_CHUNK_SHIFT));
}

/* Whether the machine has RAM there, given out or not. Slow: a search through the memory map. */
bool mfn_is_ram(mfn_t m);

/* @pre mfn_valid(m), unless only the address is computed. */
static inline struct frame *mfn_to_frame(mfn_t m)
{
    return &frame_table[m.m];
}

static inline mfn_t frame_to_mfn(const struct frame *f)
{
    return mfn((uint64_t)(f - frame_table));
}

/* Direct-map address of a RAM frame and back. */
static inline void *mfn_to_virt(mfn_t m)
{
    return (void *)(DIRECT_MAP_START + (m.m << PAGE_SHIFT));
}

static inline mfn_t virt_to_mfn(const void *va)
{
    return mfn(((uint64_t)va - DIRECT_MAP_START) >> PAGE_SHIFT);
}

static inline void *phys_to_virt(uint64_t pa)
{
    return (void *)(DIRECT_MAP_START + pa);
}

static inline uint64_t virt_to_phys(const void *va)
{
    return (uint64_t)va - DIRECT_MAP_START;
}

static inline void *frame_to_virt(const struct frame *f)
{
    return mfn_to_virt(frame_to_mfn(f));
}

/*
 * Allocator (hv/mm/frame_alloc.c). Physically contiguous 2^order frames; freed memory of guests is scrubbed
 * before it is handed out again. Flags below. All return NULL / INVALID when memory is exhausted.
 */
#define ALLOC_ZERO \
    BIT(0) /* contents are zero (else they are some former free content, never another guest's) */
#define ALLOC_BELOW_4G  BIT(1)
#define FRAME_ORDER_MAX 18

/* Hypervisor memory (owner DOMID_XEN), returned by its direct-map address. */
void *hv_alloc_pages(unsigned int order, unsigned int flags);
void hv_free_pages(void *va, unsigned int order);
/* Anonymous frames (no owner yet), count 0. */
struct frame *frame_alloc(unsigned int order, unsigned int flags);
void frame_free(struct frame *f, unsigned int order);
/* The same for frames that a guest could reach: f->stamp tells since when it cannot; scrubbed and flushed
 * before reuse. */
void frame_free_dirty(struct frame *f, unsigned int order);
uint64_t frames_free(void);  /* free frames now */
uint64_t frames_total(void); /* RAM frames given to the allocator over all */

/* Boot: give usable RAM [start, end) frames to the allocator. */
void frame_alloc_add_range(mfn_t start, mfn_t end);

/*
 * A domain's memory (hv/mm/domain_memory.c). Takes d->page_lock.
 * domain_alloc_frames: allocate and assign 2^order frames to d, each with FRAME_ALLOCATED|1; -ENOMEM, or
 * -E2BIG-like refusal (returns NULL) when d would exceed d->max_pages.
 */
struct frame *domain_alloc_frames(struct domain *d, unsigned int order, unsigned int flags);
/* Share one hypervisor page with d (FRAME_HV_SHARED, owner d): `writable` tells which type mappings may take.
 */
void frame_share_with_domain(void *va, struct domain *d, bool writable);
void frame_unshare(void *va);

/*
 * References. frame_get: the frame's owner must be `d` (NULL = any owner) and it must be allocated; takes one
 * reference. frame_get_from_mfn additionally checks mfn_valid. false = not obtained, nothing changed.
 * frame_put drops one; the last one frees the frame (to the allocator, through the owner's list).
 * frame_drop_allocation: clear FRAME_ALLOCATED and drop its reference (what decrease_reservation does);
 * false when it was already clear.
 */
bool __must_check frame_get(struct frame *f, const struct domain *d);
bool __must_check frame_get_from_mfn(mfn_t m, const struct domain *d);
bool frame_drop_allocation(struct frame *f);
void frame_put_last(struct frame *f); /* what frame_put does when the count reached 0 */

bool frame_refused(struct frame *f); /* drops a reference that came too soon; false */

/* frame_get without the question of the owner. */
static inline bool __must_check frame_get_any(struct frame *f)
{
    uint64_t x = READ_ONCE(f->count);

    do {
        if (unlikely(!(x & FRAME_COUNT_MASK) || ((x + 2) & FRAME_COUNT_MASK) < 2))
            return false; /* not allocated, or about to overflow */
    } while (unlikely(!atomic_cmpxchg(&f->count, &x, x + 1)));
    return true;
}

/* frame_get_from_mfn() by the owner's id, in place: for what is done with every page. */
static inline bool __must_check frame_get_owned(mfn_t m, domid_t owner)
{
    struct frame *f = mfn_to_frame(m);

    return mfn_valid(m) && frame_get_any(f) && (likely(f->owner == owner) || frame_refused(f));
}

static inline void frame_put(struct frame *f)
{
    if (unlikely(!(atomic_sub_return(&f->count, 1) & FRAME_COUNT_MASK)))
        frame_put_last(f);
}

static inline bool frame_owned_by(const struct frame *f, domid_t id)
{
    return f->owner == id && (f->count & FRAME_COUNT_MASK);
}

#endif
