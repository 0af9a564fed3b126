/* SPDX-License-Identifier: MIT */
/* Partition tables: a good one, of which the input overwrites parts, with the checksums made right again or
 * not. */
/* fuzz-sources: dom0_tools/block/gpt.c */
#include <stdlib.h>

#include "dom0_tools/block/gpt.h"
#include "tests/unit/gpt_maker.h"

static uint8_t image[GPT_BLOCKS * 512];

static int read_image(void *arg, uint64_t block, void *buf, size_t count)
{
    (void)arg;
    if (block >= GPT_BLOCKS || count > GPT_BLOCKS - block)
        abort();
    memcpy(buf, image + block * 512, count * 512);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint64_t parts[][2] = { { 40, 99 }, { 100, 200 } };
    static struct gpt_partition found[GPT_MAX_PARTITIONS];
    struct gpt_disk disk = { .block_size = 512, .blocks = GPT_BLOCKS, .read = read_image };
    unsigned count;

    memset(image, 0, sizeof(image));
    gpt_make(image, 512, parts, 2);
    for (size_t at = 0; at + 3 <= size; at += 3)
        image[512 + (data[at] | data[at + 1] << 8) % (3 * 512)] = data[at + 2];
    if (size % 2 == 0)
        gpt_seal(image + 512, image + 1024);
    count = gpt_read(&disk, found, GPT_MAX_PARTITIONS);
    for (unsigned i = 0; i < count; i++)
        if (found[i].first > found[i].last || found[i].last >= GPT_BLOCKS)
            abort();
    return 0;
}
