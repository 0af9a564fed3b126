/* SPDX-License-Identifier: MIT */
#include "split_drivers/blkfront_ring.h"
#include "pvguest/grant_table.h"
#include "pvguest/memory.h"
#include "split_drivers/blkif_ring.h"
#include <errno.h>
#include <string.h>

static void put_free(struct blkfront_ring *ring, struct blkfront_slot *slot)
{
    slot->request = NULL;
    slot->next_free = ring->free;
    ring->free = slot;
}

static bool reserve(grant_ref_t *ref)
{
    int got = gnttab_reserve();

    *ref = got < 0 ? 0 : (grant_ref_t)got;
    return got >= 0;
}

static bool init_slot(struct blkfront_slot *slot)
{
    bool ok = reserve(&slot->page_ref);

    for (unsigned int i = 0; ok && i < BLOCK_SEGMENTS; i++)
        ok = reserve(&slot->refs[i]);
    slot->page = ok ? page_alloc(0) : NULL;
    return slot->page;
}

bool blkfront_ring_init(struct blkfront_ring *ring)
{
    TAILQ_INIT(&ring->waiting);
    for (unsigned int i = 0; i < BLKFRONT_SLOTS; i++)
        if (!init_slot(&ring->slots[i])) {
            blkfront_ring_free(ring);
            return false;
        }
    return true;
}

void blkfront_ring_free(struct blkfront_ring *ring)
{
    for (unsigned int i = 0; i < BLKFRONT_SLOTS; i++) {
        struct blkfront_slot *slot = &ring->slots[i];

        /* A page that a backend still has mapped cannot be used for anything else. */
        if (slot->page_ref && !gnttab_end_access(slot->page_ref) && slot->page)
            page_free(slot->page, 0);
        for (unsigned int k = 0; k < BLOCK_SEGMENTS; k++)
            if (slot->refs[k])
                gnttab_end_access(slot->refs[k]);
    }
}

void blkfront_ring_attach(struct blkfront_ring *ring, void *shared, unsigned int order)
{
    struct blkif_sring *sring = shared;
    unsigned int count;

    XEN_FRONT_RING_INIT(&ring->ring, sring, PAGE_SIZE << order);
    count = RING_SIZE(&ring->ring);
    if (count > BLKFRONT_SLOTS)
        count = BLKFRONT_SLOTS;
    ring->free = NULL;
    ring->broken = NULL;
    while (count--)
        put_free(ring, &ring->slots[count]);
}

static void describe(struct blkif_request_segment *out, grant_ref_t ref, const struct block_segment *segment)
{
    uint32_t sector = (uint32_t)(segment->bus & ~PAGE_MASK) / BLOCK_SECTOR;

    *out = (struct blkif_request_segment){
        .gref = ref,
        .first_sect = (uint8_t)sector,
        .last_sect = (uint8_t)(sector + segment->length / BLOCK_SECTOR - 1),
    };
}

/* Describes the segments from `first` on by the grants of the pool's pages; false: one is elsewhere. */
static bool name_segments(const struct blkfront_ring *ring, const struct blkfront_slot *slot,
                          const struct block_segment *first, struct blkif_request_segment *out)
{
    for (unsigned int i = 0; i < slot->nr_segments; i++) {
        grant_ref_t ref = blkfront_pool_ref(&ring->pool, first[i].virt);

        if (!ref)
            return false;
        describe(&out[i], ref, &first[i]);
    }
    return true;
}

/* Describes the segments that are still to be put, each of which lies within a page, and grants them where
 * they are not. Returns what is to be said of their number. */
static uint8_t grant_segments(const struct blkfront_ring *ring, struct blkfront_slot *slot,
                              const struct block_request *request, struct blkif_request_segment *out)
{
    const struct block_segment *first = &request->segments[request->begun];

    if (ring->may_last && slot->nr_segments && name_segments(ring, slot, first, out))
        return BLKIF_LASTING;
    for (unsigned int i = 0; i < slot->nr_segments; i++) {
        gnttab_grant_reserved(slot->refs[i], ring->backend, first[i].bus >> PAGE_SHIFT,
                              request->operation == BLOCK_WRITE);
        describe(&out[i], slot->refs[i], &first[i]);
    }
    slot->nr_granted = slot->nr_segments;
    return 0;
}

static void fill_indirect(const struct blkfront_ring *ring, struct blkfront_slot *slot,
                          const struct block_request *request, struct blkif_request_indirect *out)
{
    out->indirect_op = slot->operation;
    out->operation = BLKIF_OP_INDIRECT;
    out->handle = ring->handle;
    out->indirect_grefs[0] = slot->page_ref;
    gnttab_grant_reserved(slot->page_ref, ring->backend, virt_to_mfn(slot->page), true);
    out->nr_segments = slot->nr_segments | grant_segments(ring, slot, request, slot->page);
}

static uint8_t operation_of(const struct blkfront_ring *ring, const struct block_request *request)
{
    switch (request->operation) {
    case BLOCK_READ:
        return BLKIF_OP_READ;
    case BLOCK_WRITE:
        return BLKIF_OP_WRITE;
    case BLOCK_DISCARD:
        return BLKIF_OP_DISCARD;
    default:
        return ring->flush_operation;
    }
}

static void fill(const struct blkfront_ring *ring, struct blkfront_slot *slot,
                 const struct block_request *request, uint64_t sector)
{
    blkif_request_t *out = RING_GET_REQUEST(&ring->ring, ring->ring.req_prod_pvt);

    out->operation = slot->operation;
    out->nr_segments = slot->nr_segments;
    out->handle = ring->handle;
    if (request->operation == BLOCK_DISCARD) {
        struct blkif_request_discard *discard = (struct blkif_request_discard *)out;

        discard->flag = 0;
        discard->nr_sectors = request->sectors;
    } else if (slot->nr_segments > BLKIF_MAX_SEGMENTS_PER_REQUEST) {
        fill_indirect(ring, slot, request, (struct blkif_request_indirect *)out);
    } else {
        out->nr_segments |= grant_segments(ring, slot, request, out->seg);
    }
    /* These stand at the same place in all kinds of requests. */
    out->id = (uint64_t)(slot - ring->slots);
    out->sector_number = request->operation == BLOCK_FLUSH ? 0 : sector;
}

/* Puts the next part of a request on the ring, which has room; true: that was the last one. */
static bool put_part(struct blkfront_ring *ring, struct block_request *request)
{
    struct blkfront_slot *slot = ring->free;
    uint64_t sector = request->absolute;
    unsigned int left = request->nr_segments - request->begun;

    ring->free = slot->next_free;
    slot->request = request;
    slot->operation = operation_of(ring, request);
    slot->nr_granted = 0;
    slot->nr_segments = (uint8_t)(left < ring->max_segments ? left : ring->max_segments);
    for (unsigned int i = 0; i < request->begun; i++)
        sector += request->segments[i].length / BLOCK_SECTOR;
    fill(ring, slot, request, sector);
    ring->ring.req_prod_pvt++;
    request->begun += slot->nr_segments;
    request->parts++;
    return request->begun == request->nr_segments;
}

static void put_waiting(struct blkfront_ring *ring)
{
    struct block_request *request;

    while (ring->live && ring->free && (request = TAILQ_FIRST(&ring->waiting)))
        if (put_part(ring, request))
            TAILQ_REMOVE(&ring->waiting, request, link);
}

void blkfront_ring_submit(struct blkfront_ring *ring, struct block_request *request)
{
    request->begun = request->parts = 0;
    request->error = 0;
    TAILQ_INSERT_TAIL(&ring->waiting, request, link);
    put_waiting(ring);
}

bool blkfront_ring_push(struct blkfront_ring *ring)
{
    bool notify;

    if (!ring->live)
        return false;
    RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(&ring->ring, notify);
    return notify;
}

static int response_error(int16_t status)
{
    if (status == BLKIF_RSP_OKAY)
        return 0;
    return status == BLKIF_RSP_EOPNOTSUPP ? EOPNOTSUPP : EIO;
}

/* Takes the frames back; false: the backend says that it is done and still has one. */
static bool revoke(struct blkfront_slot *slot)
{
    bool ok = true;

    for (unsigned int i = 0; i < slot->nr_granted; i++)
        ok &= !gnttab_revoke_reserved(slot->refs[i]);
    if (slot->nr_segments > BLKIF_MAX_SEGMENTS_PER_REQUEST)
        ok &= !gnttab_revoke_reserved(slot->page_ref);
    return ok;
}

static void end_part(struct block_request *request, int error)
{
    request->parts--;
    if (error)
        request->error = error;
    if (!request->parts && request->begun == request->nr_segments)
        request->done(request, request->error);
}

static const char *take_response(struct blkfront_ring *ring, const blkif_response_t *response)
{
    struct blkfront_slot *slot;
    struct block_request *request;

    if (response->id >= BLKFRONT_SLOTS || !ring->slots[response->id].request)
        return "it answers what was not asked";
    slot = &ring->slots[response->id];
    if (response->operation != slot->operation)
        return "it answers something else than was asked";
    if (!revoke(slot))
        return "it keeps pages mapped that it says it is done with";
    request = slot->request;
    put_free(ring, slot);
    end_part(request, response_error(response->status));
    return NULL;
}

void blkfront_ring_take(struct blkfront_ring *ring)
{
    int more = 1;

    while (more && ring->live && !ring->broken) {
        RING_IDX produced = ring->ring.sring->rsp_prod;

        if (RING_RESPONSE_PROD_OVERFLOW(&ring->ring, produced))
            ring->broken = "its response index runs ahead";
        xen_rmb();
        while (!ring->broken && ring->ring.rsp_cons != produced) {
            blkif_response_t response;

            RING_COPY_RESPONSE(&ring->ring, ring->ring.rsp_cons, &response);
            ring->ring.rsp_cons++;
            ring->broken = take_response(ring, &response);
        }
        RING_FINAL_CHECK_FOR_RESPONSES(&ring->ring, more);
    }
    put_waiting(ring);
}

void blkfront_ring_detach(struct blkfront_ring *ring)
{
    ring->live = false;
    for (unsigned int i = BLKFRONT_SLOTS; i-- > 0;) {
        struct blkfront_slot *slot = &ring->slots[i];
        struct block_request *request = slot->request;

        if (!request)
            continue;
        revoke(slot);
        slot->request = NULL;
        /* Another part of it has not put it back yet, and none of it waits. */
        if (request->begun == request->nr_segments)
            TAILQ_INSERT_HEAD(&ring->waiting, request, link);
        request->begun = request->parts = 0;
    }
    ring->free = NULL;
}

void blkfront_ring_fail(struct blkfront_ring *ring, int error)
{
    struct block_request *request;

    while ((request = TAILQ_FIRST(&ring->waiting))) {
        TAILQ_REMOVE(&ring->waiting, request, link);
        request->done(request, error);
    }
}
