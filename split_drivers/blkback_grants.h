/* SPDX-License-Identifier: MIT */
/*
 * Frontends' frames for the time of a request, in batches. With persistent grants, which a frontend uses
 * again and again, mappings stay, up to a number; the longest unused goes first.
 */
#ifndef SPLIT_DRIVERS_BLKBACK_GRANTS_H
#define SPLIT_DRIVERS_BLKBACK_GRANTS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <xen/xen.h>
#include <xen/grant_table.h>

/* Grants that stay mapped for one disk. */
#define BLKBACK_PERSISTENT 1024

struct blkback_persistent;

/* One granted frame. */
struct blkback_grant {
    grant_ref_t ref;
    grant_handle_t handle;
    uint64_t bus; /* machine address of the frame */
    char *virt;   /* where it is mapped, or NULL */
    bool mapped;
    struct blkback_persistent *persistent; /* it stays */
};

struct blkback_mapper {
    domid_t domid;
    bool by_dma;
    char *windows; /* a page for each grant of each request, unless by_dma */
    unsigned int nr_windows;
    struct blkback_persistent *entries; /* BLKBACK_PERSISTENT, or NULL */
    struct blkback_persistent **buckets;
    TAILQ_HEAD(, blkback_persistent) unused, spare;
    char *persistent_windows;
};

/* For at most nr_windows grants at a time. 0 or an errno. Threads only, as the rest. */
int blkback_mapper_init(struct blkback_mapper *mapper, domid_t domid, bool by_dma, unsigned int nr_windows,
                        bool persistent);
/* Unmaps what stayed. No grant is in use. */
void blkback_mapper_end(struct blkback_mapper *mapper);

/* ---- a batch: add grants, then run it. One at a time in the whole domain. ---- */

#define BLKBACK_BATCH 1024

/* Notes that a grant (its ref is set) is to be mapped, read-only for the disk's writes, in that window. */
void blkback_grants_map(struct blkback_mapper *mapper, struct blkback_grant *grant, bool readonly,
                        unsigned int window);
/* Maps all that was noted: grant->mapped says whether it worked. */
void blkback_grants_run_map(void);

/* Notes that a grant, if it is mapped, is not used any more; run it before the frontend is told. */
void blkback_grants_unmap(struct blkback_mapper *mapper, struct blkback_grant *grant);
void blkback_grants_run_unmap(void);

#endif
