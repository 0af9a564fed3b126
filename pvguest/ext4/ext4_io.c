/* SPDX-License-Identifier: MIT */
/*
 * libext2fs's I/O manager on a struct blockdev, with a cache of single blocks: directories, inode tables and
 * extent blocks are read over and over, file contents mostly go past it in larger pieces.
 *
 * Most changes write the same few blocks many times: an inode with each block that its file grows by, a block
 * with each small piece that is appended. So the last block of metadata waits in the cache until another one
 * is written, and single blocks of files wait for it: metadata reach the device in the order in which they
 * were written, and after all the data that were written before them. ext4_write_back() ends the waiting, and
 * says if something was lost by an error of the device since it was last called.
 */
#include "pvguest/ext4/ext4_internal.h"
#include <stdlib.h>
#include <string.h>

#define CACHE_BLOCKS 512
#define CACHE_ALIGN  4096 /* so that the device takes the blocks from where they are */
#define NOT_CACHED   (~0ULL)

/* What a block of the cache has that the device has not. */
enum waiting { NOTHING, DATA, METADATA };

struct channel {
    struct blockdev *dev;
    unsigned int block_size;
    uint64_t number[CACHE_BLOCKS]; /* of the block in a slot, or NOT_CACHED */
    uint8_t waiting[CACHE_BLOCKS]; /* of enum waiting; METADATA is in one slot at most */
    unsigned int nr_data, nr_metadata;
    errcode_t lost; /* why something that waited could not be written, until that is said to somebody */
    uint64_t fresh; /* a block that was just taken for a file's contents, or NOT_CACHED */
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

static char *alloc_cache(struct blockdev *dev, size_t bytes)
{
    void *data = dev->ops->alloc_buffer ? dev->ops->alloc_buffer(dev, bytes) : NULL;

    return data || !posix_memalign(&data, CACHE_ALIGN, bytes) ? data : NULL;
}

static void free_cache(struct channel *channel)
{
    struct blockdev *dev = channel->dev;
    size_t bytes = (size_t)channel->block_size * CACHE_BLOCKS;

    if (!channel->data || !dev->ops->free_buffer || !dev->ops->free_buffer(dev, channel->data, bytes))
        free(channel->data);
    channel->data = NULL;
}

static errcode_t device_set_block_size(io_channel io, int size)
{
    struct channel *channel = channel_of(io);
    errcode_t error = ext4_write_back(io);
    char *data;

    if (error)
        return error;
    data = alloc_cache(channel->dev, (size_t)size * CACHE_BLOCKS);
    if (!data)
        return EXT2_ET_NO_MEMORY;
    free_cache(channel);
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
        channel->fresh = NOT_CACHED;
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
    free_cache(channel_of(io));
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

/* Blocks that follow each other are in slots that do, and what mke2fs puts at multiples is in different ones.
 */
static unsigned int slot_of(uint64_t block)
{
    return (unsigned int)((block + block / CACHE_BLOCKS) % CACHE_BLOCKS);
}

static bool is_cached(const struct channel *channel, uint64_t block)
{
    return channel->number[slot_of(block)] == block;
}

static char *cached(struct channel *channel, uint64_t block)
{
    return channel->data + (size_t)slot_of(block) * channel->block_size;
}

static void set_waiting(struct channel *channel, unsigned int slot, enum waiting waiting)
{
    channel->nr_data -= channel->waiting[slot] == DATA;
    channel->nr_metadata -= channel->waiting[slot] == METADATA;
    channel->waiting[slot] = (uint8_t)waiting;
    channel->nr_data += waiting == DATA;
    channel->nr_metadata += waiting == METADATA;
}

/* Writes the blocks from a slot on that follow each other and wait for the same. */
static void write_slots(struct channel *channel, unsigned int slot)
{
    unsigned int end = slot + 1;
    uint64_t first = channel->number[slot];
    errcode_t error;

    while (end < CACHE_BLOCKS && channel->waiting[end] == channel->waiting[slot] &&
           channel->number[end] == first + (end - slot))
        end++;
    error = transfer(channel, true, first * channel->block_size, (size_t)(end - slot) * channel->block_size,
                     cached(channel, first));
    for (; slot < end; slot++) {
        set_waiting(channel, slot, NOTHING);
        if (error)
            channel->number[slot] = NOT_CACHED;
    }
    if (error)
        channel->lost = error;
}

static void write_waiting(struct channel *channel, enum waiting waiting)
{
    const unsigned int *left = waiting == DATA ? &channel->nr_data : &channel->nr_metadata;

    for (unsigned int slot = 0; *left && slot < CACHE_BLOCKS; slot++)
        if (channel->waiting[slot] == (uint8_t)waiting)
            write_slots(channel, slot);
}

static void write_all(struct channel *channel)
{
    write_waiting(channel, DATA);
    write_waiting(channel, METADATA);
}

errcode_t ext4_write_back(io_channel io)
{
    struct channel *channel = channel_of(io);
    errcode_t error;

    write_all(channel);
    error = channel->lost;
    channel->lost = 0;
    return error;
}

/* Makes a block's slot its own; the caller fills it if it is not cached already. */
static void claim(struct channel *channel, uint64_t block)
{
    unsigned int slot = slot_of(block);

    if (channel->number[slot] == block)
        return;
    if (channel->waiting[slot] == DATA)
        write_waiting(channel, DATA);
    else if (channel->waiting[slot] == METADATA)
        write_all(channel);
    channel->number[slot] = block;
}

/* Has a block in the cache as the device has it, or newer. */
static errcode_t fetch(struct channel *channel, uint64_t block)
{
    errcode_t error;

    if (is_cached(channel, block))
        return 0;
    claim(channel, block);
    error =
        transfer(channel, false, block * channel->block_size, channel->block_size, cached(channel, block));
    if (error)
        channel->number[slot_of(block)] = NOT_CACHED;
    return error;
}

/* Makes a block the one of metadata that waits. */
static void hold(struct channel *channel, uint64_t block)
{
    if (channel->nr_metadata && !(is_cached(channel, block) && channel->waiting[slot_of(block)] == METADATA))
        write_all(channel);
    claim(channel, block);
    set_waiting(channel, slot_of(block), METADATA);
}

/* A count below 0 is one of bytes. */
static size_t bytes_of(const struct channel *channel, int count)
{
    return count < 0 ? -(size_t)count : (size_t)count * channel->block_size;
}

static errcode_t device_read(io_channel io, unsigned long long block, int count, void *data)
{
    struct channel *channel = channel_of(io);
    size_t length = bytes_of(channel, count);
    errcode_t error;

    if (count != 1) {
        for (uint64_t i = 0; i * channel->block_size < length; i++)
            if (is_cached(channel, block + i) && channel->waiting[slot_of(block + i)] != NOTHING)
                write_all(channel);
        return transfer(channel, false, block * channel->block_size, length, data);
    }
    error = fetch(channel, block);
    if (!error)
        memcpy(data, cached(channel, block), channel->block_size);
    return error;
}

/* Writes past the cache. What was waiting for these blocks is overtaken. */
static errcode_t write_through(struct channel *channel, uint64_t block, size_t length, const char *data)
{
    size_t whole = length / channel->block_size;
    errcode_t error = transfer(channel, true, block * channel->block_size, length, (char *)(uintptr_t)data);

    for (uint64_t i = 0; !error && i < whole; i++)
        if (is_cached(channel, block + i)) {
            memcpy(cached(channel, block + i), data + i * channel->block_size, channel->block_size);
            set_waiting(channel, slot_of(block + i), NOTHING);
        }
    return error;
}

/* Forgets blocks, with what waits for them. */
static void forget(struct channel *channel, uint64_t block, uint64_t count)
{
    for (unsigned int slot = 0; slot < CACHE_BLOCKS; slot++)
        if (channel->number[slot] != NOT_CACHED && channel->number[slot] - block < count) {
            channel->number[slot] = NOT_CACHED;
            set_waiting(channel, slot, NOTHING);
        }
}

errcode_t ext4_write_data(io_channel io, blk64_t block, unsigned int count, const char *data)
{
    struct channel *channel = channel_of(io);

    if (count > 1)
        return write_through(channel, block, (size_t)count * channel->block_size, data);
    claim(channel, block);
    memcpy(cached(channel, block), data, channel->block_size);
    set_waiting(channel, slot_of(block), DATA);
    return 0;
}

/* libext2fs writes metadata, seldom several blocks at once, and zeroes into a block that it takes for a file.
 */
static errcode_t device_write(io_channel io, unsigned long long block, int count, const void *data)
{
    struct channel *channel = channel_of(io);
    size_t length = bytes_of(channel, count);
    bool fresh = block == channel->fresh;
    errcode_t error;

    channel->fresh = NOT_CACHED;
    if (count == 1 && fresh)
        return ext4_write_data(io, block, 1, data);
    if (count == 1) {
        hold(channel, block);
        memcpy(cached(channel, block), data, length);
        return 0;
    }
    write_all(channel);
    error = write_through(channel, block, length, data);
    if (error || length % channel->block_size)
        forget(channel, block, length / channel->block_size + 1);
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

/* Parts of the superblock. */
static errcode_t device_write_bytes(io_channel io, unsigned long offset, int count, const void *data)
{
    struct channel *channel = channel_of(io);
    uint64_t block = offset / channel->block_size;
    size_t in_block = offset % channel->block_size;
    errcode_t error;

    if (count < 0 || in_block + (size_t)count > channel->block_size)
        return EXT2_ET_UNIMPLEMENTED;
    error = fetch(channel, block);
    if (error)
        return error;
    hold(channel, block);
    memcpy(cached(channel, block) + in_block, data, (size_t)count);
    return 0;
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

    forget(channel, block, count);
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

/* Takes a block as libext2fs does by itself, and remembers it when it is for contents. */
static errcode_t take_block(ext2_filsys fs, blk64_t goal, blk64_t *block, struct blk_alloc_ctx *purpose)
{
    errcode_t error = ext2fs_new_block3(fs, goal, NULL, block, purpose);

    if (!error && purpose && purpose->flags & BLOCK_ALLOC_DATA)
        channel_of(fs->io)->fresh = *block;
    return error;
}

errcode_t ext4_open_device(struct blockdev *dev, bool read_only, ext2_filsys *fs)
{
    errcode_t error;

    mutex_lock(&opening_lock);
    opening = dev;
    error =
        ext2fs_open2(dev->name, NULL, EXT2_FLAG_64BITS | (read_only ? 0 : EXT2_FLAG_RW), 0, 0, &manager, fs);
    mutex_unlock(&opening_lock);
    if (!error)
        (*fs)->get_alloc_block2 = take_block;
    return error;
}
