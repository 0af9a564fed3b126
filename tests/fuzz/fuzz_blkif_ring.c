/* SPDX-License-Identifier: MIT */
/* A block ring whose shared page holds what the input says, in both layouts; the input also moves the index.
 */
/* fuzz-sources: split_drivers/blkif_ring.c */
#include <stdlib.h>
#include <string.h>

#include "split_drivers/blkif_ring.h"

static _Alignas(4096) uint8_t page[4096];

static void check(const struct blkif_work *work)
{
    if (work->nr_segments > BLKIF_SEGMENTS || (!work->indirect && work->nr_segments > 11) ||
        work->action > BLKIF_OP_DISCARD || work->action == BLKIF_OP_RESERVED_1)
        abort();
    if (blkif_count_sectors(work) > 8 * BLKIF_SEGMENTS)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct blkif_work work;
    struct blkif_ring ring;
    unsigned under_way = 0;

    if (size < 2)
        return 0;
    memset(page, 0, sizeof(page));
    memcpy(page, data + 1, size - 1 < sizeof(page) ? size - 1 : sizeof(page));
    blkif_ring_attach(&ring, page, data[0] & 1 ? BLKIF_ABI_32 : BLKIF_ABI_64, 1);
    ring.may_last = data[0] & 2;
    for (size_t i = 1; i < size && i < 200; i++) {
        enum blkif_take found = blkif_ring_take(&ring, &work);

        if (found == BLKIF_WORK)
            check(&work);
        under_way += found == BLKIF_WORK || found == BLKIF_REFUSE;
        if (under_way > ring.entries)
            abort();
        if (data[i] & 1 && under_way) {
            blkif_ring_put(&ring, work.id, work.operation, 0);
            blkif_ring_push(&ring);
            under_way--;
        }
        if (data[i] & 2)
            ((struct blkif_sring *)page)->req_prod = ring.consumed + (data[i] >> 2);
    }
    return 0;
}
