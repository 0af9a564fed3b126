/* SPDX-License-Identifier: MIT */
/* A block device for callers who wait: buffers of any alignment, any length. */
#include "pvguest/block.h"
#include "pvguest/dma.h"
#include "pvguest/memory.h"
#include "pvguest/pagetable.h"
#include "pvguest/sync.h"

#include <errno.h>
#include <string.h>

#define BOUNCE_BYTES 65536U

struct waiter {
    struct block_request request;
    struct semaphore done;
    int error;
};

static void request_done(struct block_request *request, int error)
{
    struct waiter *waiter = request->arg;

    waiter->error = error;
    semaphore_up(&waiter->done);
}

/* Returns an errno. */
static int run(struct block_device *device, struct block_request request)
{
    struct waiter waiter = { .request = request };

    semaphore_init(&waiter.done, 0);
    waiter.request.done = request_done;
    waiter.request.arg = &waiter;
    block_submit(device, &waiter.request);
    block_commit(device);
    semaphore_down(&waiter.done);
    return waiter.error;
}

/* The pages of a mapped buffer as segments: as many bytes as they cover. */
static uint32_t make_segments(char *buf, uint64_t length, struct block_segment *segments, unsigned *nr)
{
    uint32_t covered = 0;

    for (*nr = 0; *nr < BLOCK_SEGMENTS && covered < length; (*nr)++) {
        unsigned long at = (unsigned long)buf + covered;
        uint64_t piece = PAGE_SIZE - (at & ~PAGE_MASK);

        if (piece > length - covered)
            piece = length - covered;
        segments[*nr] = block_segment(buf + covered, (uint32_t)piece);
        covered += (uint32_t)piece;
    }
    return covered;
}

/* With a buffer that is aligned to sectors of 512 bytes. */
static int transfer(struct block_device *device, enum block_operation operation, uint64_t sector, char *buf,
                    uint64_t length)
{
    struct block_segment segments[BLOCK_SEGMENTS];
    int error = 0;

    while (length > 0 && error == 0) {
        struct block_request request = { .operation = operation, .sector = sector, .segments = segments };
        uint32_t bytes = make_segments(buf, length, segments, &request.nr_segments);

        /* A part that ends inside a 4096-byte sector is left to the next request. */
        while (bytes % device->sector_size != 0) {
            struct block_segment *last = &segments[request.nr_segments - 1];
            uint32_t cut = bytes % device->sector_size;

            cut = cut < last->length ? cut : last->length;
            last->length -= cut;
            bytes -= cut;
            if (last->length == 0)
                request.nr_segments--;
        }
        request.sectors = bytes / BLOCK_SECTOR;
        error = run(device, request);
        sector += request.sectors;
        buf += bytes;
        length -= bytes;
    }
    return error;
}

/* Through other pages, for buffers that the device could not reach as they are. */
static int bounce(struct block_device *device, enum block_operation operation, uint64_t sector, char *buf,
                  uint64_t length)
{
    size_t size = length > PAGE_SIZE ? BOUNCE_BYTES : PAGE_SIZE;
    char *pages = block_buffer_alloc(device, size);
    int error = pages == NULL ? ENOMEM : 0;

    while (length > 0 && error == 0) {
        size_t piece = length < size ? length : size;

        if (operation == BLOCK_WRITE)
            memcpy(pages, buf, piece);
        error = transfer(device, operation, sector, pages, piece);
        if (operation == BLOCK_READ && error == 0)
            memcpy(buf, pages, piece);
        sector += piece / BLOCK_SECTOR;
        buf += piece;
        length -= piece;
    }
    if (pages != NULL)
        block_buffer_free(device, pages, size);
    return error;
}

/* Whether the device can work on the buffer's pages: other domains' frames are mapped in vmap.h's area. */
static bool is_reachable(const struct block_device *device, const char *buf, uint64_t length)
{
    unsigned long first = (unsigned long)buf & PAGE_MASK, end = (unsigned long)buf + length;

    if ((unsigned long)buf % BLOCK_SECTOR != 0 || !dma_reaches(buf))
        return false;
    for (unsigned long at = first; device->by_grant && first >= PVG_MAP_BASE && at < end; at += PAGE_SIZE)
        if (!memory_is_own(pte_mfn(pt_lookup(at))))
            return false;
    return true;
}

static int move(struct blockdev *dev, enum block_operation operation, uint64_t block, char *buf, size_t count)
{
    struct block_device *device = dev->object;
    uint64_t sector = block * (dev->sector_size / BLOCK_SECTOR), length = (uint64_t)count * dev->sector_size;

    if (!is_reachable(device, buf, length))
        return -bounce(device, operation, sector, buf, length);
    return -transfer(device, operation, sector, buf, length);
}

static int sync_read(struct blockdev *dev, uint64_t sector, void *buf, size_t count)
{
    return move(dev, BLOCK_READ, sector, buf, count);
}

static int sync_write(struct blockdev *dev, uint64_t sector, const void *buf, size_t count)
{
    return move(dev, BLOCK_WRITE, sector, (char *)(uintptr_t)buf, count);
}

static int sync_flush(struct blockdev *dev)
{
    return -run(dev->object, (struct block_request){ .operation = BLOCK_FLUSH });
}

static int sync_discard(struct blockdev *dev, uint64_t sector, uint64_t count)
{
    struct block_device *device = dev->object;
    uint32_t per_block = dev->sector_size / BLOCK_SECTOR;
    uint64_t at = sector * per_block, left = count * per_block;
    int error = 0;

    while (left > 0 && error == 0) {
        uint32_t piece = left < device->discard_max ? (uint32_t)left : device->discard_max;

        error =
            run(device, (struct block_request){ .operation = BLOCK_DISCARD, .sector = at, .sectors = piece });
        at += piece;
        left -= piece;
    }
    return -error;
}

static void *alloc_buffer(struct blockdev *dev, size_t bytes)
{
    return block_own_buffer_alloc(dev->object, bytes);
}

static bool free_buffer(struct blockdev *dev, void *buffer, size_t bytes)
{
    return block_own_buffer_free(dev->object, buffer, bytes);
}

static const struct blockdev_ops sync_ops = {
    .read = sync_read,
    .write = sync_write,
    .flush = sync_flush,
    .discard = sync_discard,
    .alloc_buffer = alloc_buffer,
    .free_buffer = free_buffer,
};

void block_as_blockdev(struct block_device *device, struct blockdev *dev)
{
    *dev = (struct blockdev){
        .ops = &sync_ops,
        .object = device,
        .name = device->name,
        .sector_size = device->sector_size,
        .sectors = device->sectors / (device->sector_size / BLOCK_SECTOR),
        .read_only = device->read_only,
    };
}
