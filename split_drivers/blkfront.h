/* SPDX-License-Identifier: MIT */
/*
 * Virtual disks of this domain (<xen/io/blkif.h>) as block devices (pvguest/block.h; block_as_blockdev()
 * makes them fit for file systems). Data is not copied: the requests' own pages are granted for as long as
 * they last, and buffers from block_buffer_alloc() until blkfront_close().
 *
 * A backend that goes away and comes back is connected to again, and what was under way is asked for once
 * more. When the toolstack takes the disk away, everything ends with ENODEV. Threads only.
 */
#ifndef SPLIT_DRIVERS_BLKFRONT_H
#define SPLIT_DRIVERS_BLKFRONT_H

#include "pvguest/block.h"

/* Opens the disk "xvda" (or by number, or NULL: the first one) and waits for its backend until the deadline
 * (time_ns()). 0, ENODEV (there is none), ETIMEDOUT, or another errno. */
int blkfront_open(const char *name, uint64_t deadline, struct block_device **device);

/* Disconnects from the backend, which has 5 s for letting go of the pages, and frees the device, which nobody
 * uses any more. */
void blkfront_close(struct block_device *device);

#endif
