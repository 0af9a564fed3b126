/* SPDX-License-Identifier: MIT */
/*
 * The backend of virtual disks (<xen/io/blkif.h>): a disk for each directory backend/vbd/DOMID/HANDLE that
 * the toolstack writes, with the nodes `params` (which block device), `mode` ("r" or "w"), and if wanted
 * `discard-enable`.
 */
#ifndef SPLIT_DRIVERS_BLKBACK_H
#define SPLIT_DRIVERS_BLKBACK_H

#include "pvguest/block.h"

/* Where the block devices come from. Called in the backend's thread. */
struct blkback_source {
    /* The device that the nodes `type` and `params` name; NULL with *error an errno. */
    struct block_device *(*open)(const char *type, const char *params, bool write, int *error);
    void (*close)(struct block_device *device, bool write);
};

/* persistent: offer persistent grants. 0 or an errno. Once. */
int blkback_start(const struct blkback_source *source, bool persistent);

#endif
