/* SPDX-License-Identifier: MIT */
/* Block rings in both layouts, with a frontend that keeps the rules and with one that does not. */
/* unit-sources: split_drivers/blkif_ring.c */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "split_drivers/blkif_ring.h"

#define HEADER 64

/* The layout that a 32-bit compiler makes, written down by hand. */
struct request32 {
    uint8_t operation, nr_segments;
    uint16_t handle;
    uint64_t id, sector;
    struct blkif_request_segment seg[11];
} __attribute__((packed));

struct indirect32 {
    uint8_t operation, indirect_op;
    uint16_t nr_segments;
    uint64_t id, sector;
    uint16_t handle, pad;
    uint32_t grefs[8];
    uint64_t pad2;
} __attribute__((packed));

struct response32 {
    uint64_t id;
    uint8_t operation, pad;
    int16_t status;
} __attribute__((packed));

_Static_assert(sizeof(struct request32) == 108, "as on i386");

static _Alignas(4096) uint8_t page[8 * 4096];
static struct blkif_ring ring;
static struct blkif_work work;

static struct blkif_sring *shared(void)
{
    return (struct blkif_sring *)page;
}

static void attach(enum blkif_abi abi, unsigned pages)
{
    memset(page, 0, sizeof(page));
    shared()->req_event = shared()->rsp_event = 1;
    blkif_ring_attach(&ring, page, abi, pages);
}

static struct blkif_request *next64(void)
{
    return &shared()->ring[shared()->req_prod++ % ring.entries].req;
}

Test(blkif_ring, sizes)
{
    attach(BLKIF_ABI_64, 1);
    cr_assert_eq(ring.entries, 32);
    attach(BLKIF_ABI_32, 1);
    cr_assert_eq(ring.entries, 32);
    attach(BLKIF_ABI_64, 8);
    cr_assert_eq(ring.entries, 256);
}

Test(blkif_ring, abi_names)
{
    enum blkif_abi abi;

    cr_assert(blkif_parse_abi("x86_64-abi", &abi) && abi == BLKIF_ABI_64);
    cr_assert(blkif_parse_abi("x86_32-abi", &abi) && abi == BLKIF_ABI_32);
    cr_assert(blkif_parse_abi(NULL, &abi) && abi == BLKIF_ABI_64);
    cr_assert(!blkif_parse_abi("arm-abi", &abi));
}

Test(blkif_ring, read_64)
{
    struct blkif_request *request;

    attach(BLKIF_ABI_64, 1);
    cr_assert_eq(blkif_ring_take(&ring, &work), BLKIF_NONE);
    request = next64();
    *request =
        (struct blkif_request){ .operation = BLKIF_OP_READ, .nr_segments = 2, .id = 77, .sector_number = 8 };
    request->seg[0] = (struct blkif_request_segment){ 100, 0, 7 };
    request->seg[1] = (struct blkif_request_segment){ 101, 2, 3 };
    cr_assert_eq(blkif_ring_take(&ring, &work), BLKIF_WORK);
    cr_assert_eq(work.id, 77);
    cr_assert_eq(work.sector, 8);
    cr_assert_eq(work.segments[1].gref, 101);
    cr_assert_eq(blkif_count_sectors(&work), 10);
    blkif_ring_put(&ring, work.id, work.operation, BLKIF_RSP_OKAY);
    cr_assert(blkif_ring_push(&ring));
    cr_assert_eq(shared()->rsp_prod, 1);
    cr_assert_eq(shared()->ring[0].rsp.id, 77);
    cr_assert(!blkif_ring_more(&ring));
    cr_assert_eq(shared()->req_event, 2);
}

/* The mark is taken where it was agreed on, and is a wrong number elsewhere. */
Test(blkif_ring, lasting_requests)
{
    for (int agreed = 0; agreed < 2; agreed++) {
        struct blkif_request_indirect *indirect;

        attach(BLKIF_ABI_64, 1);
        ring.may_last = agreed;
        *next64() =
            (struct blkif_request){ .operation = BLKIF_OP_WRITE, .nr_segments = BLKIF_LASTING | 3, .id = 1 };
        cr_assert_eq(blkif_ring_take(&ring, &work), agreed ? BLKIF_WORK : BLKIF_REFUSE);
        cr_assert(!agreed || (work.lasting && work.nr_segments == 3));
        indirect = (struct blkif_request_indirect *)next64();
        *indirect = (struct blkif_request_indirect){ .operation = BLKIF_OP_INDIRECT,
                                                     .indirect_op = BLKIF_OP_READ,
                                                     .nr_segments = BLKIF_LASTING | 32 };
        cr_assert_eq(blkif_ring_take(&ring, &work), agreed ? BLKIF_WORK : BLKIF_REFUSE);
        cr_assert(!agreed || (work.lasting && work.nr_segments == 32));
        *next64() = (struct blkif_request){ .operation = BLKIF_OP_READ, .nr_segments = 1 };
        cr_assert_eq(blkif_ring_take(&ring, &work), BLKIF_WORK);
        cr_assert(!work.lasting);
        for (int empty = 0; empty < 2; empty++) { /* nothing, or too much, below the mark */
            *next64() = (struct blkif_request){ .operation = BLKIF_OP_READ,
                                                .nr_segments = BLKIF_LASTING | (empty ? 0 : 12) };
            cr_assert_eq(blkif_ring_take(&ring, &work), BLKIF_REFUSE);
        }
    }
}

Test(blkif_ring, read_32)
{
    struct request32 *request = (struct request32 *)(page + HEADER + 108);
    struct response32 *response = (struct response32 *)(page + HEADER);

    attach(BLKIF_ABI_32, 1);
    shared()->req_prod = 2;
    ((struct request32 *)(page + HEADER))->nr_segments = 1;
    *request = (struct request32){
        .operation = BLKIF_OP_WRITE, .nr_segments = 11, .id = 1ULL << 60, .sector = 1ULL << 40
    };
    request->seg[10] = (struct blkif_request_segment){ 5, 1, 1 };
    cr_assert_eq(blkif_ring_take(&ring, &work), BLKIF_WORK);
    cr_assert_eq(blkif_ring_take(&ring, &work), BLKIF_WORK);
    cr_assert_eq(work.id, 1ULL << 60);
    cr_assert_eq(work.sector, 1ULL << 40);
    cr_assert_eq(work.segments[10].gref, 5);
    blkif_ring_put(&ring, work.id, work.operation, BLKIF_RSP_ERROR);
    blkif_ring_push(&ring);
    cr_assert_eq(response->id, 1ULL << 60);
    cr_assert_eq(response->operation, BLKIF_OP_WRITE);
    cr_assert_eq(response->status, -1);
}

Test(blkif_ring, indirect_answers_with_what_it_carries)
{
    struct blkif_request_indirect *request;
    struct blkif_request_segment segments[32] = { { 9, 0, 7 } };

    attach(BLKIF_ABI_64, 1);
    request = (struct blkif_request_indirect *)next64();
    *request = (struct blkif_request_indirect){ .operation = BLKIF_OP_INDIRECT,
                                                .indirect_op = BLKIF_OP_WRITE,
                                                .nr_segments = 32,
                                                .id = 4,
                                                .sector_number = 16 };
    request->indirect_grefs[0] = 55;
    cr_assert_eq(blkif_ring_take(&ring, &work), BLKIF_WORK);
    cr_assert(work.indirect);
    cr_assert_eq(work.page, 55);
    cr_assert_eq(work.operation, BLKIF_OP_WRITE);
    blkif_read_indirect(&work, segments);
    cr_assert_eq(work.segments[0].gref, 9);
}

Test(blkif_ring, indirect_32)
{
    struct indirect32 *request = (struct indirect32 *)(page + HEADER);

    attach(BLKIF_ABI_32, 1);
    shared()->req_prod = 1;
    *request = (struct indirect32){
        .operation = BLKIF_OP_INDIRECT, .nr_segments = 12, .id = 3, .sector = 7, .grefs = { 66 }
    };
    cr_assert_eq(blkif_ring_take(&ring, &work), BLKIF_WORK);
    cr_assert_eq(work.page, 66);
    cr_assert_eq(work.sector, 7);
    cr_assert_eq(work.nr_segments, 12);
}

static void refuse(struct blkif_request bad)
{
    attach(BLKIF_ABI_64, 1);
    bad.id = 42;
    *next64() = bad;
    cr_assert_eq(blkif_ring_take(&ring, &work), BLKIF_REFUSE);
    cr_assert_eq(work.id, 42);
}

Test(blkif_ring, requests_that_make_no_sense)
{
    struct blkif_request_indirect indirect = { .operation = BLKIF_OP_INDIRECT, .nr_segments = 33 };
    struct blkif_request copy = { 0 };

    refuse((struct blkif_request){ .operation = BLKIF_OP_READ, .nr_segments = 12 });
    refuse((struct blkif_request){ .operation = BLKIF_OP_READ, .nr_segments = 0 });
    refuse((struct blkif_request){ .operation = BLKIF_OP_RESERVED_1, .nr_segments = 1 });
    refuse((struct blkif_request){ .operation = 255, .nr_segments = 1 });
    memcpy(&copy, &indirect, sizeof(indirect));
    refuse(copy);
    indirect.nr_segments = 2;
    indirect.indirect_op = BLKIF_OP_DISCARD;
    memcpy(&copy, &indirect, sizeof(indirect));
    refuse(copy);
}

Test(blkif_ring, segments_that_make_no_sense)
{
    work = (struct blkif_work){ .nr_segments = 1, .segments = { { 1, 3, 2 } } };
    cr_assert_eq(blkif_count_sectors(&work), 0);
    work.segments[0] = (struct blkif_request_segment){ 1, 0, 8 };
    cr_assert_eq(blkif_count_sectors(&work), 0);
    work.segments[0] = (struct blkif_request_segment){ 1, 255, 255 };
    cr_assert_eq(blkif_count_sectors(&work), 0);
}

Test(blkif_ring, index_runs_ahead)
{
    attach(BLKIF_ABI_64, 1);
    shared()->req_prod = 33;
    cr_assert_eq(blkif_ring_take(&ring, &work), BLKIF_BROKEN);
    shared()->req_prod = (RING_IDX)-1;
    cr_assert_eq(blkif_ring_take(&ring, &work), BLKIF_BROKEN);
}

/* More requests than were answered never are taken, however the frontend moves its index. */
Test(blkif_ring, never_more_than_the_ring_holds)
{
    unsigned seed = 5, under_way = 0;

    attach(BLKIF_ABI_64, 1);
    for (int step = 0; step < 100000; step++) {
        enum blkif_take found;

        shared()->req_prod = (unsigned)rand_r(&seed) % 4 ? shared()->req_prod + 1 : (RING_IDX)rand_r(&seed);
        found = blkif_ring_take(&ring, &work);
        if (found == BLKIF_WORK || found == BLKIF_REFUSE)
            under_way++;
        cr_assert_leq(under_way, ring.entries);
        if (under_way && rand_r(&seed) % 2) {
            blkif_ring_put(&ring, 1, 0, 0);
            under_way--;
        }
        if (found == BLKIF_BROKEN)
            shared()->req_prod = ring.consumed;
    }
}

Test(blkif_ring, goes_on_after_a_restart)
{
    memset(page, 0, sizeof(page));
    shared()->rsp_prod = 0xfffffff0;
    shared()->req_prod = 0xfffffff2;
    blkif_ring_attach(&ring, page, BLKIF_ABI_64, 1);
    cr_assert_neq(blkif_ring_take(&ring, &work), BLKIF_NONE);
    cr_assert_neq(blkif_ring_take(&ring, &work), BLKIF_NONE);
    cr_assert_eq(blkif_ring_take(&ring, &work), BLKIF_NONE);
}
