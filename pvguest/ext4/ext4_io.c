/* SPDX-License-Identifier: MIT */
/*
 * libext2fs's I/O manager on a struct blockdev, with a cache of single blocks that is written through:
 * directories, inode tables and extent blocks are read over and over, file contents mostly go past it in
 * larger pieces.
 */
#include "pvguest/ext4/ext4_internal.h"
#include <stdlib.h>
#include <string.h>

#define CACHE_BLOCKS 512
#define NOT_CACHED   (~0ULL)

struct channel {
    struct blockdev *dev;
    unsigned int block_size;
    uint64_t number[CACHE_BLOCKS]; /* of the block in data[n % CACHE_BLOCKS], or NOT_CACHED */
    char *data;
};

/* ext2fs_open2() finds its device by name only; opening_lock makes this its argument. */
static struct mutex opening_lock = MUTEX_INITIALIZER(opening_lock);
static struct blockdev *opening;
static struct struct_io_manager manager;

static struct channel *channel_of(io_channel io)
{
    return io->private_data;
}

static errcode_t device_set_block_size(io_channel io, int size)
{
    struct channel *channel = channel_of(io);
    char *data = malloc((size_t)size * CACHE_BLOCKS);

    if (!data)
        return EXT2_ET_NO_MEMORY;
    free(channel->data);
    channel->data = data;
    channel->block_size = (unsigned int)size;
    io->block_size = size;
    for (unsigned int i = 0; i < CACHE_BLOCKS; i++)
        channel->number[i] = NOT_CACHED;
    return 0;
}

static errcode_t device_open(const char *name, int flags, io_channel *out)
{
    io_channel io = calloc(1, sizeof(*io));
    struct channel *channel = calloc(1, sizeof(*channel));

    (void)flags;
    if (io && channel) {
        channel->dev = opening;
        io->magic = EXT2_ET_MAGIC_IO_CHANNEL;
        io->manager = &manager;
        io->name = strdup(name);
        io->private_data = channel;
        io->refcount = 1;
        if (io->name && !device_set_block_size(io, 1024)) {
            *out = io;
            return 0;
        }
        free(io->name);
    }
    free(channel);
    free(io);
    return EXT2_ET_NO_MEMORY;
}

static errcode_t device_close(io_channel io)
{
    if (--io->refcount > 0)
        return 0;
    free(channel_of(io)->data);
    free(channel_of(io));
    free(io->name);
    free(io);
    return 0;
}

/* Reads or writes bytes that need not be whole sectors: the superblock is read in blocks of 1024 bytes. */
static errcode_t transfer(struct channel *channel, bool write, uint64_t offset, size_t length, char *data)
{
    struct blockdev *dev = channel->dev;
    uint64_t size = dev->sector_size;
    uint64_t first = offset / size, end = (offset + length + size - 1) / size;
    bool whole = offset % size == 0 && length % size == 0;
    char *bounce = NULL;
    int error = 0;

    if (offset + length < offset || end > dev->sectors)
        return write ? EXT2_ET_SHORT_WRITE : EXT2_ET_SHORT_READ;
    if (!whole) {
        bounce = malloc((end - first) * size);
        if (!bounce)
            return EXT2_ET_NO_MEMORY;
        error = dev->ops->read(dev, first, bounce, end - first);
        if (!error && write)
            memcpy(bounce + offset % size, data, length);
    }
    if (!error && write)
        error = dev->ops->write(dev, first, whole ? data : bounce, end - first);
    else if (!error && whole)
        error = dev->ops->read(dev, first, data, end - first);
    else if (!error)
        memcpy(data, bounce + offset % size, length);
    free(bounce);
    return -error;
}

static bool is_cached(const struct channel *channel, uint64_t block)
{
    return channel->number[block % CACHE_BLOCKS] == block;
}

static char *cached(struct channel *channel, uint64_t block)
{
    return channel->data + block % CACHE_BLOCKS * channel->block_size;
}

/* A count below 0 is one of bytes. */
static size_t bytes_of(const struct channel *channel, int count)
{
    return count < 0 ? -(size_t)count : (size_t)count * channel->block_size;
}

static errcode_t device_read(io_channel io, unsigned long long block, int count, void *data)
{
    struct channel *channel = channel_of(io);
    errcode_t error;

    if (count != 1)
        return transfer(channel, false, block * channel->block_size, bytes_of(channel, count), data);
    if (!is_cached(channel, block)) {
        channel->number[block % CACHE_BLOCKS] = NOT_CACHED;
        error = transfer(channel, false, block * channel->block_size, channel->block_size,
                         cached(channel, block));
        if (error)
            return error;
        channel->number[block % CACHE_BLOCKS] = block;
    }
    memcpy(data, cached(channel, block), channel->block_size);
    return 0;
}

static errcode_t device_write(io_channel io, unsigned long long block, int count, const void *data)
{
    struct channel *channel = channel_of(io);
    size_t length = bytes_of(channel, count), whole = length / channel->block_size;
    errcode_t error = transfer(channel, true, block * channel->block_size, length, (char *)(uintptr_t)data);

    for (uint64_t i = 0; i < whole; i++)
        if (is_cached(channel, block + i)) {
            if (error)
                channel->number[(block + i) % CACHE_BLOCKS] = NOT_CACHED;
            else
                memcpy(cached(channel, block + i), (const char *)data + i * channel->block_size,
                       channel->block_size);
        }
    if (length % channel->block_size && is_cached(channel, block + whole))
        channel->number[(block + whole) % CACHE_BLOCKS] = NOT_CACHED;
    return error;
}

static errcode_t device_read32(io_channel io, unsigned long block, int count, void *data)
{
    return device_read(io, block, count, data);
}

static errcode_t device_write32(io_channel io, unsigned long block, int count, const void *data)
{
    return device_write(io, block, count, data);
}

static errcode_t device_write_bytes(io_channel io, unsigned long offset, int count, const void *data)
{
    struct channel *channel = channel_of(io);

    for (uint64_t block = offset / channel->block_size;
         block <= (offset + (size_t)count) / channel->block_size; block++)
        if (is_cached(channel, block))
            channel->number[block % CACHE_BLOCKS] = NOT_CACHED;
    return transfer(channel, true, offset, (size_t)count, (char *)(uintptr_t)data);
}

/* libext2fs flushes after each step of a change; what must be on the disk is said by fsync() and unmount. */
static errcode_t device_flush(io_channel io)
{
    (void)io;
    return 0;
}

static errcode_t device_discard(io_channel io, unsigned long long block, unsigned long long count)
{
    struct channel *channel = channel_of(io);
    struct blockdev *dev = channel->dev;
    uint64_t sectors = channel->block_size / dev->sector_size;

    return dev->ops->discard && sectors ? -dev->ops->discard(dev, block * sectors, count * sectors) : 0;
}

static struct struct_io_manager manager = {
    .magic = EXT2_ET_MAGIC_IO_MANAGER,
    .name = "pvguest block device",
    .open = device_open,
    .close = device_close,
    .set_blksize = device_set_block_size,
    .read_blk = device_read32,
    .write_blk = device_write32,
    .flush = device_flush,
    .write_byte = device_write_bytes,
    .read_blk64 = device_read,
    .write_blk64 = device_write,
    .discard = device_discard,
};

errcode_t ext4_open_device(struct blockdev *dev, bool read_only, ext2_filsys *fs)
{
    errcode_t error;

    mutex_lock(&opening_lock);
    opening = dev;
    error =
        ext2fs_open2(dev->name, NULL, EXT2_FLAG_64BITS | (read_only ? 0 : EXT2_FLAG_RW), 0, 0, &manager, fs);
    mutex_unlock(&opening_lock);
    return error;
}
