/* SPDX-License-Identifier: MIT */
#include "split_drivers/blkif_ring.h"
#include <string.h>
#include <xen/io/protocols.h>

#define RING_HEADER offsetof(struct blkif_sring, ring)
#define ENTRY_64    sizeof(union blkif_sring_entry)
#define ENTRY_32    108

/* Where things are in a request and a response: a 32-bit compiler aligns 64-bit members to 4 bytes. */
struct layout {
    size_t entry, id, sector, segments, discard_sectors, indirect_page, status;
};

static const struct layout layouts[] = {
    [BLKIF_ABI_64] = {
        .entry = ENTRY_64,
        .id = offsetof(struct blkif_request, id),
        .sector = offsetof(struct blkif_request, sector_number),
        .segments = offsetof(struct blkif_request, seg),
        .discard_sectors = offsetof(struct blkif_request_discard, nr_sectors),
        .indirect_page = offsetof(struct blkif_request_indirect, indirect_grefs),
        .status = offsetof(struct blkif_response, status),
    },
    [BLKIF_ABI_32] = {
        .entry = ENTRY_32,
        .id = 4,
        .sector = 12,
        .segments = 20,
        .discard_sectors = 20,
        .indirect_page = 24,
        .status = 10,
    },
};

bool blkif_parse_abi(const char *protocol, enum blkif_abi *abi)
{
    if (!protocol || !strcmp(protocol, XEN_IO_PROTO_ABI_X86_64))
        *abi = BLKIF_ABI_64;
    else if (!strcmp(protocol, XEN_IO_PROTO_ABI_X86_32))
        *abi = BLKIF_ABI_32;
    else
        return false;
    return true;
}

static volatile struct blkif_sring *shared(const struct blkif_ring *ring)
{
    return ring->shared;
}

void blkif_ring_attach(struct blkif_ring *ring, void *page, enum blkif_abi abi, unsigned pages)
{
    size_t room = ((size_t)pages * 4096 - RING_HEADER) / layouts[abi].entry;

    *ring = (struct blkif_ring){ .shared = page, .abi = abi, .entries = 1 };
    while (ring->entries * 2 <= room)
        ring->entries *= 2;
    ring->consumed = ring->produced = shared(ring)->rsp_prod;
}

static char *entry_of(const struct blkif_ring *ring, RING_IDX index)
{
    return (char *)ring->shared + RING_HEADER + (index & (ring->entries - 1)) * layouts[ring->abi].entry;
}

/* From here on the compiler takes what it has copied for all there is: it does not look at the source again.
 */
static void copied(void)
{
    __asm__ __volatile__("" ::: "memory");
}

/* Copies an entry that the other side may change at the same time. Lengths that are constants, because they
 * make the shortest code. */
static void copy_entry(const struct blkif_ring *ring, char *to, const char *from)
{
    if (ring->abi == BLKIF_ABI_64)
        memcpy(to, from, ENTRY_64);
    else
        memcpy(to, from, ENTRY_32);
    copied();
}

static uint64_t field64(const char *entry, size_t offset)
{
    uint64_t value;

    memcpy(&value, entry + offset, sizeof(value));
    return value;
}

/* Takes the mark off the number of segments, where it may be. */
static void take_mark(const struct blkif_ring *ring, struct blkif_work *work)
{
    work->lasting = ring->may_last && work->nr_segments & BLKIF_LASTING;
    if (work->lasting)
        work->nr_segments &= (uint16_t)~BLKIF_LASTING;
}

static bool parse_indirect(const struct blkif_ring *ring, struct blkif_work *work, const char *entry)
{
    const struct layout *layout = &layouts[ring->abi];

    memcpy(&work->nr_segments, entry + offsetof(struct blkif_request_indirect, nr_segments),
           sizeof(uint16_t));
    take_mark(ring, work);
    memcpy(&work->page, entry + layout->indirect_page, sizeof(work->page));
    work->action = (uint8_t)entry[offsetof(struct blkif_request_indirect, indirect_op)];
    work->operation = work->action; /* Linux takes nothing else for an answer */
    work->indirect = true;
    return (work->action == BLKIF_OP_READ || work->action == BLKIF_OP_WRITE) && work->nr_segments &&
           work->nr_segments <= BLKIF_SEGMENTS;
}

static bool parse_direct(const struct blkif_ring *ring, struct blkif_work *work, const char *entry)
{
    const struct layout *layout = &layouts[ring->abi];
    bool may_be_empty = work->action == BLKIF_OP_FLUSH_DISKCACHE || work->action == BLKIF_OP_WRITE_BARRIER;

    work->nr_segments = (uint8_t)entry[offsetof(struct blkif_request, nr_segments)];
    take_mark(ring, work);
    if (work->nr_segments > BLKIF_MAX_SEGMENTS_PER_REQUEST || (!work->nr_segments && !may_be_empty))
        return false;
    for (unsigned int i = 0; i < work->nr_segments; i++)
        memcpy(&work->segments[i], entry + layout->segments + i * sizeof(work->segments[0]),
               sizeof(work->segments[0]));
    return true;
}

/* False: the request makes no sense. */
static bool parse(const struct blkif_ring *ring, struct blkif_work *work, const char *entry)
{
    const struct layout *layout = &layouts[ring->abi];

    work->operation = work->action = (uint8_t)entry[0];
    work->id = field64(entry, layout->id);
    work->sector = field64(entry, layout->sector);
    work->sectors = 0;
    work->nr_segments = 0;
    work->indirect = work->secure = work->lasting = false;
    switch (work->operation) {
    case BLKIF_OP_READ:
    case BLKIF_OP_WRITE:
    case BLKIF_OP_WRITE_BARRIER:
    case BLKIF_OP_FLUSH_DISKCACHE:
        return parse_direct(ring, work, entry);
    case BLKIF_OP_INDIRECT:
        return parse_indirect(ring, work, entry);
    case BLKIF_OP_DISCARD:
        work->secure = entry[offsetof(struct blkif_request_discard, flag)] & BLKIF_DISCARD_SECURE;
        work->sectors = field64(entry, layout->discard_sectors);
        return true;
    default:
        return false;
    }
}

bool blkif_ring_has_requests(const struct blkif_ring *ring)
{
    return shared(ring)->req_prod != ring->consumed;
}

enum blkif_take blkif_ring_take(struct blkif_ring *ring, struct blkif_work *work)
{
    RING_IDX ready = shared(ring)->req_prod - ring->consumed;
    char entry[ENTRY_64];

    if (!ready)
        return BLKIF_NONE;
    if (ready > ring->entries - (ring->consumed - ring->produced))
        return BLKIF_BROKEN;
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    copy_entry(ring, entry, entry_of(ring, ring->consumed));
    ring->consumed++;
    return parse(ring, work, entry) ? BLKIF_WORK : BLKIF_REFUSE;
}

void blkif_read_indirect(struct blkif_work *work, const void *page)
{
    memcpy(work->segments, page, work->nr_segments * sizeof(work->segments[0]));
    copied();
}

uint32_t blkif_count_sectors(const struct blkif_work *work)
{
    uint32_t sum = 0;

    for (unsigned int i = 0; i < work->nr_segments; i++) {
        const struct blkif_request_segment *segment = &work->segments[i];

        if (segment->first_sect > segment->last_sect || segment->last_sect > 7)
            return 0;
        sum += segment->last_sect - segment->first_sect + 1U;
    }
    return sum;
}

void blkif_ring_put(struct blkif_ring *ring, uint64_t id, uint8_t operation, int16_t status)
{
    char *entry = entry_of(ring, ring->produced++);

    memcpy(entry, &id, sizeof(id));
    entry[offsetof(struct blkif_response, operation)] = (char)operation;
    memcpy(entry + layouts[ring->abi].status, &status, sizeof(status));
}

bool blkif_ring_push(struct blkif_ring *ring)
{
    volatile struct blkif_sring *sring = shared(ring);
    RING_IDX before = sring->rsp_prod, now = ring->produced;

    __atomic_thread_fence(__ATOMIC_RELEASE);
    sring->rsp_prod = now;
    /* The index must be visible before the frontend's wish is read, or both sides could sleep. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return (RING_IDX)(now - sring->rsp_event) < (RING_IDX)(now - before);
}

bool blkif_ring_more(struct blkif_ring *ring)
{
    if (blkif_ring_has_requests(ring))
        return true;
    shared(ring)->req_event = ring->consumed + 1;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return blkif_ring_has_requests(ring);
}
