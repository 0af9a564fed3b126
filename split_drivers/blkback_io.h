/* SPDX-License-Identifier: MIT */
/*
 * The data path of a virtual disk: requests of its rings become requests of a block device, on the frontend's
 * own frames. A device that works by DMA gets their machine addresses (GNTMAP_device_map) and nothing is
 * mapped into this domain; for others they are mapped. Grants are mapped and unmapped in batches, one
 * hypercall for what a turn finds.
 *
 * All disks share one worker. Those that are parts of the same device, or that device, share it fairly
 * (fair_share.h); a turn is limited, and so is the number of requests that a disk has under way.
 */
#ifndef SPLIT_DRIVERS_BLKBACK_IO_H
#define SPLIT_DRIVERS_BLKBACK_IO_H

#include "pvguest/block.h"
#include "pvguest/event_channel.h"
#include "pvguest/grant_table.h"
#include "pvguest/sync.h"
#include "split_drivers/blkback_grants.h"
#include "split_drivers/blkif_ring.h"
#include "split_drivers/fair_share.h"
#include "split_drivers/worker.h"

#define BLKBACK_MAX_QUEUES 4
#define BLKBACK_MAX_ORDER  3  /* of a ring's pages */
#define BLKBACK_DEPTH      64 /* requests of one disk under way */

struct blkback_disk;
struct blkback_share;

/* What is still to be done for a request, lowest bit first. */
enum blkback_step { STEP_FLUSH_BEFORE = 1, STEP_ACT = 2, STEP_FLUSH_AFTER = 4 };

struct blkback_request {
    struct block_request block; /* first: one is found by the other */
    struct block_segment segments[BLKIF_SEGMENTS];
    struct blkback_grant grants[BLKIF_SEGMENTS];
    struct blkif_work work;
    struct blkback_disk *disk;
    struct blkback_queue *queue;
    unsigned int index; /* in the disk's pool */
    unsigned int steps; /* of enum blkback_step */
    int error;          /* an errno */
    TAILQ_ENTRY(blkback_request) link;
};

TAILQ_HEAD(blkback_list, blkback_request);

struct blkback_queue {
    struct blkback_disk *disk;
    unsigned int number;
    struct blkif_ring ring;
    struct grant_mapping mapping;
    evtchn_port_t port;
};

struct blkback_statistics {
    uint64_t requests[BLKIF_OP_DISCARD + 1]; /* by what is done */
    uint64_t sectors_read, sectors_written;
    uint64_t errors;
};

struct blkback_disk {
    struct worker_task task; /* first: one is found by the other */
    struct fair_flow flow;   /* the worker's, as the next three */
    struct blkback_share *share;
    struct blkback_list taken; /* requests of this turn that have not begun */
    unsigned int next_queue;   /* whose turn it is */
    domid_t domid;
    struct block_device *device;
    bool read_only;
    struct blkback_queue queues[BLKBACK_MAX_QUEUES];
    unsigned int nr_queues;
    struct blkback_pool *pool; /* BLKBACK_DEPTH requests */
    struct blkback_mapper mapper;
    struct blkback_list free;
    struct blkback_list finished;    /* upcalls masked */
    struct blkback_request *barrier; /* waits for all others, which wait for it */
    bool barrier_begun;
    bool armed;              /* the worker's: every ring was empty, and will tell of the next request */
    unsigned int under_way;  /* upcalls masked */
    struct wait_queue quiet; /* woken when nothing is under way any more */
    bool stopping;
    const char *broken;                        /* why the frontend is not served any more, or NULL */
    void (*failed)(struct blkback_disk *disk); /* called once when `broken` is set; in the worker */
    struct blkback_statistics statistics;      /* the worker's */
    LIST_ENTRY(blkback_disk) served;           /* the worker's, while `entered` */
    bool entered;
};

extern struct worker blkback_worker;

/* The worker of all disks; once. False: no memory. */
bool blkback_io_start(void);

/*
 * Prepares a disk whose domid, device, read_only and failed are set; keep says which grants the frontend
 * uses again. 0 or an errno. Queues are added next, then blkback_io_run(). Threads only.
 */
int blkback_io_init(struct blkback_disk *disk, enum blkback_keep keep);

/* Maps a ring and binds the frontend's port. 0 or an errno. */
int blkback_io_add_queue(struct blkback_disk *disk, const grant_ref_t *refs, unsigned int pages,
                         enum blkif_abi abi, evtchn_port_t remote_port);

/* Looks at the rings from now on. */
void blkback_io_run(struct blkback_disk *disk);

/* Calls fn for every disk that is being served, in the worker. Threads only. */
void blkback_io_for_each(void (*fn)(const struct blkback_disk *disk, void *arg), void *arg);

/* Ends the service: waits for what is under way, then unmaps everything. Also after a failed add. */
void blkback_io_stop(struct blkback_disk *disk);

#endif
