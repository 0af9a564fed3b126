/* SPDX-License-Identifier: MIT */
/*
 * Frontends' frames for the time of a request, in batches. Mappings of grants that a frontend uses again and
 * again stay: of all (feature-persistent) or of those in lasting requests (BLKIF_LASTING). There is a limit
 * for each disk and one for all; what was not used of late goes first.
 */
#ifndef SPLIT_DRIVERS_BLKBACK_GRANTS_H
#define SPLIT_DRIVERS_BLKBACK_GRANTS_H

#include "pvguest/block.h"
#include "split_drivers/blkif_ring.h"
#include <stdbool.h>
#include <stdint.h>
#include <xen/xen.h>
#include <xen/grant_table.h>

/* Grants that stay mapped for one disk, and for all: a quarter of what the hypervisor lets a domain map. */
#define BLKBACK_PERSISTENT     1024
#define BLKBACK_ALL_PERSISTENT 65536

/* Which grants stay. */
enum blkback_keep { BLKBACK_KEEP_NONE, BLKBACK_KEEP_LASTING, BLKBACK_KEEP_ALL };

struct blkback_persistent;

/* One granted frame. Where its mapping is one that stays, all but ref is in that. */
struct blkback_grant {
    grant_ref_t ref;
    grant_handle_t handle;
    uint64_t bus; /* machine address of the frame */
    char *virt;   /* where it is mapped, or NULL */
    bool mapped;
    struct blkback_persistent *persistent; /* or NULL */
};

struct blkback_mapper {
    domid_t domid;
    bool by_dma;
    char *windows; /* a page for each grant of each request, unless by_dma */
    unsigned int nr_windows;
    enum blkback_keep keep;
    struct blkback_persistent *entries; /* BLKBACK_PERSISTENT, or NULL */
    struct blkback_persistent **buckets;
    struct blkback_persistent *spare; /* linked by `next` */
    unsigned int hand;                /* which entry is next asked whether it may go */
    char *persistent_windows;
};

/* For at most nr_windows grants at a time. 0 or an errno. Threads only, as the rest. */
int blkback_mapper_init(struct blkback_mapper *mapper, domid_t domid, bool by_dma, unsigned int nr_windows,
                        enum blkback_keep keep);
/* Unmaps what stayed. No grant is in use. */
void blkback_mapper_end(struct blkback_mapper *mapper);

/* ---- a batch: add grants, then run it. One at a time in the whole domain. ---- */

#define BLKBACK_BATCH 1024

/* Notes that the grants of a request are to be mapped, read-only for the disk's writes, in the windows from
 * `window` on. */
void blkback_grants_map(struct blkback_mapper *mapper, struct blkback_grant *grants,
                        const struct blkif_work *work, unsigned int window);
/* Maps all that was noted. */
void blkback_grants_run_map(void);

/* A request's segments as the device wants them, after that; false: a grant could not be mapped. */
bool blkback_grants_segments(const struct blkback_grant *grants, const struct blkif_work *work,
                             struct block_segment *segments);

/* Notes that grants, those that are mapped, are not used any more; run it before the frontend is told. */
void blkback_grants_unmap(struct blkback_mapper *mapper, const struct blkback_grant *grants,
                          unsigned int count);
void blkback_grants_run_unmap(void);

#endif
