/* SPDX-License-Identifier: MIT */
/*
 * Block devices by requests that call back when they are done: what a driver or a frontend gives, and
 * backends, benchmarks and, by block_as_blockdev(), file systems use.
 *
 * All sector numbers and counts are of 512 bytes, whatever the device's own sector size is; requests must be
 * aligned to that. Errors are of the C library's <errno.h>: EIO, EROFS, EINVAL (beyond the end, unaligned),
 * EOPNOTSUPP, ENODEV.
 */
#ifndef PVGUEST_BLOCK_H
#define PVGUEST_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "pvguest/blockdev.h"

#define BLOCK_SECTOR       512U
#define BLOCK_SECTOR_SHIFT 9

/* Segments that every device takes in one request. */
#define BLOCK_SEGMENTS 32

#define BLOCK_NAME_SIZE 24

enum block_operation {
    BLOCK_READ,
    BLOCK_WRITE,
    BLOCK_FLUSH, /* what was done before is on stable storage */
    BLOCK_DISCARD,
};

/* Memory of one request, contiguous in the machine; length is a multiple of BLOCK_SECTOR. */
struct block_segment {
    void *virt;   /* may be NULL for a device that needs no mapping (block_device.by_dma) */
    uint64_t bus; /* machine address; without meaning for a device that is not by_dma */
    uint32_t length;
};

struct block_device;

/* Belongs to the device from block_submit() until done() is called, as its segments do. */
struct block_request {
    enum block_operation operation;
    uint64_t sector;
    uint32_t sectors; /* for READ and WRITE the sum of the segments */
    unsigned nr_segments;
    const struct block_segment *segments;
    unsigned queue; /* requests with equal numbers are likely to share a hardware queue */
    /* Called once, with 0 or an errno; in event context, in a thread, or from inside block_submit(). */
    void (*done)(struct block_request *request, int error);
    void *arg;
    /* The device's own. */
    TAILQ_ENTRY(block_request) link;
    uint64_t absolute; /* sector of the whole disk */
    unsigned begun;    /* segments that the device has, where it takes a request in parts */
    unsigned parts;    /* that are under way */
    int error;
};

/* Requests in the order of their arrival, linked by `link`. */
TAILQ_HEAD(block_queue, block_request);

struct block_ops {
    /* Takes a checked request. Any context. */
    void (*submit)(struct block_device *disk, struct block_request *request);
    /* Lets the disk begin with what was submitted. Any context. */
    void (*commit)(struct block_device *disk);
    /* block_buffer_alloc(), or NULL: any memory is as good; alloc_buffer may return NULL for that too.
     * free_buffer returns false for a buffer that is not alloc_buffer's. */
    void *(*alloc_buffer)(struct block_device *disk, size_t pages);
    bool (*free_buffer)(struct block_device *disk, void *buffer, size_t pages);
};

/* Told in event context or in a thread when the size of a device has changed. */
struct block_listener {
    void (*resized)(void *arg);
    void *arg;
    TAILQ_ENTRY(block_listener) link;
};

struct block_device {
    char name[BLOCK_NAME_SIZE];
    const char *model;    /* some words on what it is */
    uint64_t sectors;     /* may change at run time: block_set_sectors() */
    uint32_t sector_size; /* bytes: 512 or 4096 */
    bool read_only, can_flush, can_discard;
    bool by_dma;                               /* works on machine addresses: nothing needs to be mapped */
    bool by_grant;                             /* hands pages on to another domain: they must be this one's */
    uint32_t discard_granularity, discard_max; /* sectors */
    const struct block_ops *ops;
    void *driver;
    /* The block layer's own. */
    struct block_device *disk; /* itself, or the disk that this is a partition of */
    uint64_t first;            /* of a partition: its first sector on the disk */
    TAILQ_HEAD(, block_listener) listeners;
};

/* For whoever makes a device, when the upper fields are filled in: a whole disk, or sectors first ... first +
 * sectors - 1 of a disk. */
void block_init(struct block_device *disk);
void block_init_partition(struct block_device *part, struct block_device *disk, uint64_t first,
                          uint64_t sectors);

/* The driver has found a new size. Any context. */
void block_set_sectors(struct block_device *disk, uint64_t sectors);

/* From now on, or no more, the listener is told. It is the caller's until unlisten. Threads only. */
void block_listen(struct block_device *device, struct block_listener *listener);
void block_unlisten(struct block_device *device, struct block_listener *listener);

/* Starts a request; done() is called in any case. Any context. */
void block_submit(struct block_device *device, struct block_request *request);

/* After one or more block_submit(): the device may begin. Any context. */
void block_commit(struct block_device *device);

/*
 * Whole pages for `bytes` bytes of requests to this device, which have the least work with it there; contents
 * undefined. They are all given back before the device is closed. NULL: no memory. Threads only.
 */
void *block_buffer_alloc(struct block_device *device, size_t bytes);
void block_buffer_free(struct block_device *device, void *buffer, size_t bytes);

/* The same, but NULL where any other memory is as good, or the device's own is out; false for such. */
void *block_own_buffer_alloc(struct block_device *device, size_t bytes);
bool block_own_buffer_free(struct block_device *device, void *buffer, size_t bytes);

/* A segment of mapped memory, which must lie within a page. Any context. */
struct block_segment block_segment(void *virt, uint32_t length);

/* The device for those who wait for each request: file systems, tools. Threads only. */
void block_as_blockdev(struct block_device *device, struct blockdev *dev);

#endif
