/* SPDX-License-Identifier: MIT */
/* Load on a block device, to measure it or to see that it keeps what it is given. Threads only. */
#ifndef PVGUEST_BLOCK_LOAD_H
#define PVGUEST_BLOCK_LOAD_H

#include "pvguest/block.h"

struct block_load {
    enum block_operation operation; /* BLOCK_READ or BLOCK_WRITE */
    bool random; /* places; each block-aligned. Else one after the other, from the beginning again */
    bool check;  /* READ: the contents are what WRITE with the same seed has written */
    uint32_t seed;
    uint32_t bytes; /* of a request: a power of two from 512 to 128 KiB */
    unsigned depth; /* requests under way */
    uint64_t count; /* requests in all */
};

struct block_load_result {
    uint64_t ns, ticks; /* from the first request to the last answer; of the TSC */
    uint64_t failed, different;
};

/* 0, or an errno: EINVAL (the load makes no sense on this device), ENOMEM. */
int block_load_run(struct block_device *device, const struct block_load *load,
                   struct block_load_result *result);

#endif
