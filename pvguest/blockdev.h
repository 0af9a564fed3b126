/* SPDX-License-Identifier: MIT */
/*
 * A block device as file systems see it: whole sectors, one request after the other, in the calling thread.
 * Whoever has a device (a frontend, a driver, a file) fills in a struct blockdev; queues and callbacks are
 * below it.
 *
 * The operations return 0 or a negated errno of the C library: -EIO (the device failed), -EROFS, -ENODEV (it
 * is gone), -EOPNOTSUPP. The caller has checked that the sectors exist. Threads only; calls from several
 * threads may overlap.
 */
#ifndef PVGUEST_BLOCKDEV_H
#define PVGUEST_BLOCKDEV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct blockdev;

struct blockdev_ops {
    /* count sectors from `sector` on; the buffer may be any mapped memory of any alignment. */
    int (*read)(struct blockdev *dev, uint64_t sector, void *buf, size_t count);
    int (*write)(struct blockdev *dev, uint64_t sector, const void *buf, size_t count);
    /* Returns when all that was written is on stable storage. NULL: the device has no volatile cache. */
    int (*flush)(struct blockdev *dev);
    /* The contents are not needed any more. NULL: the device cannot make use of that. */
    int (*discard)(struct blockdev *dev, uint64_t sector, uint64_t count);
    /* Whole pages that the device has less work with than with others, or NULL. free_buffer: false for memory
     * that is of another kind. Both are there, or neither. */
    void *(*alloc_buffer)(struct blockdev *dev, size_t bytes);
    bool (*free_buffer)(struct blockdev *dev, void *buffer, size_t bytes);
};

struct blockdev {
    const struct blockdev_ops *ops;
    void *object;         /* the operations' own */
    const char *name;     /* for messages: "xvda", "vda1" */
    uint32_t sector_size; /* bytes: 512 or 4096 */
    uint64_t sectors;
    bool read_only;
};

#endif
