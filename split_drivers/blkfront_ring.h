/* SPDX-License-Identifier: MIT */
/*
 * The frontend's side of a disk's ring. A request of the block layer becomes one request of the ring, or
 * several if it has more segments than the backend takes. What the backend answers is checked against what
 * was asked. Upcalls masked, unless a comment says otherwise.
 */
#ifndef SPLIT_DRIVERS_BLKFRONT_RING_H
#define SPLIT_DRIVERS_BLKFRONT_RING_H

#include "pvguest/block.h"
#include "split_drivers/blkfront_pool.h"
#include "split_drivers/ring.h"
#include <xen/io/blkif.h>
#include <xen/io/protocols.h>

#define BLKFRONT_MAX_ORDER 1
#define BLKFRONT_SLOTS     64 /* requests that two pages hold */

struct blkfront_slot {
    struct block_request *request; /* NULL: free */
    uint8_t operation;             /* that the response must name */
    uint8_t nr_segments;
    uint8_t nr_granted; /* of refs, for as long as the request lasts */
    grant_ref_t refs[BLOCK_SEGMENTS];
    grant_ref_t page_ref; /* of the indirect page */
    struct blkif_request_segment *page;
    struct blkfront_slot *next_free;
};

struct blkfront_ring {
    blkif_front_ring_t ring;
    domid_t backend;
    blkif_vdev_t handle;
    unsigned int max_segments; /* of one ring request; more than 11 only by indirect pages */
    uint8_t flush_operation;   /* BLKIF_OP_FLUSH_DISKCACHE or _WRITE_BARRIER */
    bool may_last;             /* the backend takes lasting requests */
    bool live;                 /* requests may be put on the ring */
    const char *broken;        /* what the backend has done wrong, or NULL */
    struct blkfront_slot slots[BLKFRONT_SLOTS];
    struct blkfront_slot *free;
    struct block_queue waiting;
    struct blkfront_pool pool;
};

/* References and indirect pages for the slots; once. False: no memory. Threads only, as the next. */
bool blkfront_ring_init(struct blkfront_ring *ring);
void blkfront_ring_free(struct blkfront_ring *ring);

/* Begins with fresh shared pages, of which there are 2^order. */
void blkfront_ring_attach(struct blkfront_ring *ring, void *shared, unsigned int order);

/* Queues a request, and puts on the ring what fits. */
void blkfront_ring_submit(struct blkfront_ring *ring, struct block_request *request);

/* Publishes what was put; true: the backend wants to be notified. */
bool blkfront_ring_push(struct blkfront_ring *ring);

/* Ends what the backend has answered, and puts on the ring what waits. */
void blkfront_ring_take(struct blkfront_ring *ring);

/* The backend has gone: what was under way waits again, from its beginning. */
void blkfront_ring_detach(struct blkfront_ring *ring);

/* Ends all that waits. */
void blkfront_ring_fail(struct blkfront_ring *ring, int error);

#endif
