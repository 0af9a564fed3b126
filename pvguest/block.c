/* SPDX-License-Identifier: MIT */
#include "pvguest/block.h"
#include "pvguest/cpu.h"
#include "pvguest/memory.h"
#include "pvguest/pagetable.h"

#include <errno.h>

void block_init(struct block_device *disk)
{
    disk->disk = disk;
    disk->first = 0;
    TAILQ_INIT(&disk->listeners);
}

void block_init_partition(struct block_device *part, struct block_device *disk, uint64_t first,
                          uint64_t sectors)
{
    *part = *disk;
    part->disk = disk;
    part->first = first;
    part->sectors = sectors;
    TAILQ_INIT(&part->listeners);
}

void block_set_sectors(struct block_device *disk, uint64_t sectors)
{
    bool masked = upcalls_disable();
    struct block_listener *listener;

    disk->sectors = sectors;
    TAILQ_FOREACH(listener, &disk->listeners, link)
    listener->resized(listener->arg);
    upcalls_restore(masked);
}

void block_listen(struct block_device *device, struct block_listener *listener)
{
    bool masked = upcalls_disable();

    TAILQ_INSERT_TAIL(&device->listeners, listener, link);
    upcalls_restore(masked);
}

void block_unlisten(struct block_device *device, struct block_listener *listener)
{
    bool masked = upcalls_disable();

    TAILQ_REMOVE(&device->listeners, listener, link);
    upcalls_restore(masked);
}

/* 0, or why the request is refused. */
static int check_request(const struct block_device *device, const struct block_request *request)
{
    uint32_t per_block = device->sector_size / BLOCK_SECTOR;

    if (request->operation == BLOCK_FLUSH)
        return 0;
    if (request->operation != BLOCK_READ && device->read_only)
        return EROFS;
    if (request->operation == BLOCK_DISCARD && !device->can_discard)
        return EOPNOTSUPP;
    if (request->sectors == 0 || request->sector > device->sectors ||
        request->sectors > device->sectors - request->sector)
        return EINVAL;
    return request->sector % per_block != 0 || request->sectors % per_block != 0 ? EINVAL : 0;
}

void block_submit(struct block_device *device, struct block_request *request)
{
    int error = check_request(device, request);

    if (error != 0 || (request->operation == BLOCK_FLUSH && !device->can_flush)) {
        request->done(request, error);
        return;
    }
    request->absolute = device->first + request->sector;
    device->ops->submit(device->disk, request);
}

void block_commit(struct block_device *device)
{
    device->ops->commit(device->disk);
}

static unsigned int order_of(size_t bytes)
{
    unsigned int order = 0;

    while ((PAGE_SIZE << order) < bytes)
        order++;
    return order;
}

static size_t pages_of(size_t bytes)
{
    return (bytes + PAGE_SIZE - 1) / PAGE_SIZE;
}

void *block_own_buffer_alloc(struct block_device *device, size_t bytes)
{
    const struct block_ops *ops = device->ops;

    return ops->alloc_buffer ? ops->alloc_buffer(device->disk, pages_of(bytes)) : NULL;
}

bool block_own_buffer_free(struct block_device *device, void *buffer, size_t bytes)
{
    const struct block_ops *ops = device->ops;

    return ops->free_buffer && ops->free_buffer(device->disk, buffer, pages_of(bytes));
}

void *block_buffer_alloc(struct block_device *device, size_t bytes)
{
    void *buffer = block_own_buffer_alloc(device, bytes);

    return buffer ? buffer : page_alloc(order_of(bytes));
}

void block_buffer_free(struct block_device *device, void *buffer, size_t bytes)
{
    if (!block_own_buffer_free(device, buffer, bytes))
        page_free(buffer, order_of(bytes));
}

struct block_segment block_segment(void *virt, uint32_t length)
{
    unsigned long at = (unsigned long)virt;

    return (struct block_segment){
        .virt = virt,
        .bus = (uint64_t)pte_mfn(pt_lookup(at)) << PAGE_SHIFT | (at & ~PAGE_MASK),
        .length = length,
    };
}
