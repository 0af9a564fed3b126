/* SPDX-License-Identifier: MIT */
/* A request's memory as lists of pages: whatever the segments are, the commands cover each byte once, in
 * order, by the controller's rules. */
/* unit-sources: dom0_tools/drivers/nvme_prp.c */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "dom0_tools/drivers/nvme_prp.h"

#define MAX_PAGES 32

static unsigned int seed = 1;

static unsigned int random_below(unsigned int limit)
{
    seed = seed * 1103515245 + 12345;
    return (seed >> 8) % limit;
}

/* Byte n of the request is at this address, by the segments. */
static uint64_t address_of(const struct block_request *request, uint64_t n)
{
    unsigned i = 0;

    while (n >= request->segments[i].length)
        n -= request->segments[i++].length;
    return request->segments[i].bus + n;
}

/* Checks one command against the rules and the segments; `done` bytes came before it. */
static void check_command(const struct block_request *request, uint64_t done, uint32_t bytes,
                          const uint64_t *pages, unsigned count)
{
    uint64_t at = 0;

    for (unsigned i = 0; i < count; i++) {
        uint64_t room = NVME_PAGE - pages[i] % NVME_PAGE;
        uint64_t length = room < bytes - at ? room : bytes - at;

        cr_assert(i == 0 || pages[i] % NVME_PAGE == 0);
        cr_assert_gt(length, 0);
        for (uint64_t byte = 0; byte < length; byte += 512)
            cr_assert_eq(address_of(request, done + at + byte), pages[i] + byte);
        at += length;
    }
    cr_assert_eq(at, bytes);
}

static uint64_t walk(const struct block_request *request, uint32_t block, uint32_t max_bytes,
                     unsigned *commands)
{
    struct nvme_position position = { 0, 0 };
    uint64_t pages[MAX_PAGES], done = 0;
    unsigned count;
    uint32_t bytes;

    *commands = 0;
    while ((bytes = nvme_next_command(request, &position, block, max_bytes, pages, MAX_PAGES, &count)) > 0) {
        cr_assert_eq(bytes % block, 0);
        cr_assert_leq(bytes, max_bytes);
        check_command(request, done, bytes, pages, count);
        done += bytes;
        ++*commands;
    }
    return done;
}

Test(nvme_prp, whole_pages_are_one_command)
{
    struct block_segment segments[BLOCK_SEGMENTS];
    struct block_request request = { .nr_segments = BLOCK_SEGMENTS, .segments = segments };
    unsigned commands;

    for (unsigned i = 0; i < BLOCK_SEGMENTS; i++)
        segments[i] = (struct block_segment){ .bus = (1000 - 7 * i) * 4096UL, .length = 4096 };
    cr_expect_eq(walk(&request, 512, 1 << 20, &commands), BLOCK_SEGMENTS * 4096);
    cr_expect_eq(commands, 1);
    cr_expect_eq(walk(&request, 512, 8192, &commands), BLOCK_SEGMENTS * 4096);
    cr_expect_eq(commands, BLOCK_SEGMENTS / 2);
}

Test(nvme_prp, a_contiguous_segment_may_begin_and_end_inside_pages)
{
    struct block_segment segment = { .bus = 0x10600, .length = 3 * 4096 };
    struct block_request request = { .nr_segments = 1, .segments = &segment };
    unsigned commands;

    cr_expect_eq(walk(&request, 512, 1 << 20, &commands), 3 * 4096);
    cr_expect_eq(commands, 1);
}

Test(nvme_prp, pieces_of_pages_take_a_command_each)
{
    struct block_segment segments[2] = { { .bus = 0x1000, .length = 512 },
                                         { .bus = 0x3200, .length = 1024 } };
    struct block_request request = { .nr_segments = 2, .segments = segments };
    unsigned commands;

    cr_expect_eq(walk(&request, 512, 1 << 20, &commands), 1536);
    cr_expect_eq(commands, 2);
}

Test(nvme_prp, a_block_in_pieces_is_refused)
{
    struct block_segment segments[2] = { { .bus = 0x1000, .length = 2048 },
                                         { .bus = 0x3000, .length = 2048 } };
    struct block_request request = { .nr_segments = 2, .segments = segments };
    struct nvme_position position = { 0, 0 };
    uint64_t pages[MAX_PAGES];
    unsigned count;

    cr_expect_eq(nvme_next_command(&request, &position, 4096, 1 << 20, pages, MAX_PAGES, &count), 0);
    cr_expect_eq(position.segment, 0);
    cr_expect_eq(position.offset, 0);
}

Test(nvme_prp, random_segments)
{
    for (int round = 0; round < 3000; round++) {
        struct block_segment segments[BLOCK_SEGMENTS];
        struct block_request request = { .nr_segments = 1 + random_below(BLOCK_SEGMENTS),
                                         .segments = segments };
        uint64_t total = 0;
        unsigned commands;

        for (unsigned i = 0; i < request.nr_segments; i++) {
            bool whole = random_below(2);

            segments[i].bus = random_below(1000) * 4096UL + (whole ? 0 : 512 * random_below(8));
            segments[i].length = whole ? 4096 * (1 + random_below(3)) : 512 * (1 + random_below(20));
            total += segments[i].length;
        }
        cr_assert_eq(walk(&request, 512, random_below(2) ? 1 << 20 : 4096 << random_below(4), &commands),
                     total);
    }
}
