/* SPDX-License-Identifier: MIT */
/*
 * The backend's side of a block ring (<xen/io/blkif.h>, <xen/io/ring.h>) in both layouts of the protocol,
 * x86_64-abi and x86_32-abi, over one page or more. Each request is copied out of the ring once and checked;
 * only the copy is used. Pure memory, no hypercalls.
 */
#ifndef SPLIT_DRIVERS_BLKIF_RING_H
#define SPLIT_DRIVERS_BLKIF_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <xen/xen.h>
#include <xen/grant_table.h>
#include <xen/io/blkif.h>

/* Segments of one request, indirect ones included; what the backend offers as feature-max-indirect-segments.
 */
#define BLKIF_SEGMENTS 32

/*
 * Beyond <xen/io/blkif.h>: a backend that writes `feature-lasting-requests` takes this bit in the number of
 * segments, direct or indirect, of a frontend that writes `lasting-requests`. It says that all grants of the
 * request are writable and stay as they are while the ring does, so that the backend may leave them mapped;
 * those of other requests end with them, which feature-persistent does not allow.
 */
#define BLKIF_LASTING 0x80

/* Segments that stand on one indirect page. */
#define BLKIF_SEGMENTS_PER_PAGE (4096 / sizeof(struct blkif_request_segment))

enum blkif_abi { BLKIF_ABI_64, BLKIF_ABI_32 };

struct blkif_ring {
    void *shared;
    enum blkif_abi abi;
    uint32_t entries;  /* a power of two */
    bool may_last;     /* BLKIF_LASTING has a meaning */
    RING_IDX consumed; /* requests taken */
    RING_IDX produced; /* responses put; published by blkif_ring_push() */
};

/* A request as it was on the ring, checked as far as it can be without its indirect pages. */
struct blkif_work {
    uint64_t id, sector, sectors; /* sectors of 512 bytes; `sectors` for BLKIF_OP_DISCARD */
    uint8_t operation;            /* as the response names it: BLKIF_OP_* */
    uint8_t action; /* what is to be done: READ, WRITE, WRITE_BARRIER, FLUSH_DISKCACHE, DISCARD */
    bool secure;
    bool indirect; /* segments stand on the page granted by `page` */
    bool lasting;  /* its grants stay */
    grant_ref_t page;
    uint16_t nr_segments;
    struct blkif_request_segment segments[BLKIF_SEGMENTS];
};

/* The ABI that a frontend's node `protocol` names; NULL stands for the native one. False: an unknown one. */
bool blkif_parse_abi(const char *protocol, enum blkif_abi *abi);

/*
 * Takes up a mapped ring of `pages` pages whose frontend may already have put requests there. A backend that
 * was restarted goes on where the responses ended.
 */
void blkif_ring_attach(struct blkif_ring *ring, void *shared, enum blkif_abi abi, unsigned pages);

/* Whether there is something to take. */
bool blkif_ring_has_requests(const struct blkif_ring *ring);

enum blkif_take {
    BLKIF_NONE,   /* no request there */
    BLKIF_WORK,   /* *work is valid */
    BLKIF_REFUSE, /* a request that is to be answered with BLKIF_RSP_ERROR: only id and operation are valid */
    BLKIF_BROKEN, /* the frontend's indices make no sense: the ring is of no use any more */
};

enum blkif_take blkif_ring_take(struct blkif_ring *ring, struct blkif_work *work);

/* Copies the segments of an indirect request from its page, which is mapped. */
void blkif_read_indirect(struct blkif_work *work, const void *page);

/* Checks each segment's sectors and gives their sum; 0: a segment makes no sense. */
uint32_t blkif_count_sectors(const struct blkif_work *work);

/* Puts a response; never more than requests were taken. */
void blkif_ring_put(struct blkif_ring *ring, uint64_t id, uint8_t operation, int16_t status);

/* Publishes the responses put; true: the frontend wants to be notified. */
bool blkif_ring_push(struct blkif_ring *ring);

/* Asks for a notification at the next request; true: there are some already. */
bool blkif_ring_more(struct blkif_ring *ring);

#endif
