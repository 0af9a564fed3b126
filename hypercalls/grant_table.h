/* SPDX-License-Identifier: MIT */
/*
 * Grant tables, version 1. A domain publishes frames in its shared table (xen/grant_table.h); others map
 * them, copy from and to them, or hand it frames.
 *
 * To each shared entry that was ever used belongs an active entry, ours alone: which frame it gave out, to
 * whom, and how many uses of each kind there are (pins). A use begins with gnttab_pin() and ends with
 * gnttab_unpin(); while there is one, the flags GTF_reading and GTF_writing in the shared entry tell the
 * granter. A mapping has a handle in the maptrack table of the domain that maps.
 */
#ifndef HYPERCALLS_GRANT_TABLE_H
#define HYPERCALLS_GRANT_TABLE_H

#include "hv/domain/domain.h"
#include "hv/mm/guest_access.h"
#include <xen/grant_table.h>

#define GRANTS_PER_FRAME  (PAGE_SIZE / sizeof(struct grant_entry_v1))
#define ACTIVE_PER_CHUNK  32U
#define CHUNKS_PER_FRAME  (GRANTS_PER_FRAME / ACTIVE_PER_CHUNK)
#define MAPTRACK_PER_PAGE (PAGE_SIZE / sizeof(struct maptrack))
#define MAPTRACK_NONE     (~0U)

/* What xen.h's createdomain passes when nobody says otherwise. */
#define GNTTAB_DEFAULT_FRAMES          64U
#define GNTTAB_DEFAULT_MAPTRACK_FRAMES 1024U
#define GNTTAB_MAX_FRAMES              0x10000U

/* Kinds of use, and the index of their count. */
enum grant_pin {
    PIN_HOST_RO,
    PIN_HOST_RW,
    PIN_DEV_RO,
    PIN_DEV_RW,
    PIN_KINDS,
};

struct grant_active {
    uint32_t mfn;  /* while pinned */
    domid_t domid; /* who uses it; one domain at a time */
    uint8_t lock;  /* byte lock of this entry; innermost */
    uint16_t pin[PIN_KINDS];
};
_Static_assert(sizeof(struct grant_active) == 16, "a chunk of active entries is 512 bytes");

struct maptrack {
    struct domain *granter; /* a reference is held while flags is not 0 */
    uint32_t ref;           /* of a free one: the next free handle */
    uint32_t
        flags; /* GNTMAP_device_map, _host_map, _readonly, _contains_pte of what is left to unmap; 0 = free */
};

struct grant_table {
    /* LOCK_GRANT: growth. Entries are reached without it: tables only grow, and are freed with the domain. */
    struct spinlock lock;
    uint32_t refs; /* references that the shared frames have so far */
    uint32_t frames, max_frames;
    struct grant_entry_v1 **shared; /* by frame */
    /* By chunk: where the active entry of reference 0 would be if all were one array with this chunk in it; 0
     * until an entry of the chunk is first used. */
    uintptr_t *active;
    /* What these two point to while there is one frame; from the second on, arrays for max_frames. */
    struct grant_entry_v1 *first_shared;
    uintptr_t first_active[CHUNKS_PER_FRAME];

    struct spinlock maptrack_lock; /* LOCK_GRANT_MAPTRACK */
    uint32_t maptrack_pages;
    uint32_t handles; /* that the pages have, free ones too */
    uint32_t maptrack_max_pages;
    uint32_t maptrack_free; /* first free handle, MAPTRACK_NONE */
    uint32_t maptrack_used;
    uint32_t release_next; /* gnttab_release_mappings() goes on here */
    struct maptrack **maptrack;
};

/* Life of the domain. init: 0, -ENOMEM. */
int gnttab_init(struct domain *d);
/* Other limits for a domain that has not run yet. 0; -EINVAL: too many; -EBUSY: its table has frames. */
int gnttab_set_limits(struct domain *d, uint32_t max_frames, uint32_t max_maptrack_frames);
/* Let domain `user` map and write the frame by reference `ref` of d, which has not run yet. 0, -ENOMEM,
 * -EINVAL (reference).
 */
int gnttab_preset(struct domain *d, uint32_t ref, domid_t user, mfn_t frame);
/* Make the first page of handles now, for a domain that maps in any case: then its mapping and unmapping
 * leaves the machine's free memory as it was. False: no memory. */
bool gnttab_prepare_maptrack(struct domain *d);
/* d is dying: end its mappings of others' grants. 0, -ERESTART. */
int gnttab_release_mappings(struct domain *d);
void gnttab_free(struct domain *d);

/* The machine frame of shared frame `index` of d, growing the table up to it; false when it may not grow so
 * far. For memory_op. */
bool gnttab_shared_frame(struct domain *d, uint32_t index, mfn_t *m);

/* grant_entry.c */

/*
 * Begin a use of (granter, ref) by `user`. GNTST_okay: *m is the frame, on which a reference of its own is
 * held, and a writable type reference when `kind` is _RW; end it with gnttab_unpin(). GNTST_bad_gntref,
 * GNTST_general_error, GNTST_bad_page: nothing changed. `mapping`: entries of which only a part of the page
 * is granted are refused.
 */
int16_t gnttab_pin(const struct domain *granter, uint32_t ref, domid_t user, enum grant_pin kind,
                   bool mapping, mfn_t *m);
void gnttab_unpin(struct domain *granter, uint32_t ref, enum grant_pin kind);
/* The entry, locked, if nobody uses it: it stays so while its lock is held. */
struct grant_active *gnttab_lock_idle(struct grant_table *gt, uint32_t ref);

/* The entries of a reference below gt->refs; the active one of a reference that is or was used. */
static inline struct grant_entry_v1 *gnttab_entry(const struct grant_table *gt, uint32_t ref)
{
    return &gt->shared[ref / GRANTS_PER_FRAME][ref % GRANTS_PER_FRAME];
}

static inline struct grant_active *gnttab_active(const struct grant_table *gt, uint32_t ref)
{
    return (struct grant_active *)gt->active[ref / ACTIVE_PER_CHUNK] + ref;
}

/* A reference below gt->refs is to be used: make sure that it has an active entry. False: no memory. Takes
 * gt->lock. */
bool gnttab_add_active(struct grant_table *gt, uint32_t ref);
static inline bool gnttab_use(struct grant_table *gt, uint32_t ref)
{
    return likely(gt->active[ref / ACTIVE_PER_CHUNK]) || gnttab_add_active(gt, ref);
}

/* Clamped, also under speculation; false when the reference is beyond the table. */
static inline bool gnttab_ref_ok(const struct grant_table *gt, uint32_t *ref)
{
    uint32_t n = READ_ONCE(gt->refs);

    if (unlikely(*ref >= n))
        return false;
    *ref = (uint32_t)index_nospec(*ref, n);
    return true;
}

/*
 * The operations on arrays: each returns how many are done, fewer than `count` when it was preempted, or
 * -EFAULT. grant_map.c, grant_copy.c, grant_transfer.c.
 */
int64_t gnttab_map(gva_t uop, uint32_t count);
int64_t gnttab_unmap(gva_t uop, uint32_t count);
int64_t gnttab_unmap_and_replace(gva_t uop, uint32_t count);
int64_t gnttab_copy(gva_t uop, uint32_t count);
int64_t gnttab_transfer(gva_t uop, uint32_t count);

/* Registers the debug key g (grant_dump.c). */
void gnttab_dump_init(void);

#endif
