/* SPDX-License-Identifier: MIT */
/* Open files: contents go between the caller's buffer and runs of blocks that follow each other on the
 * device. */
#include "pvguest/ext4/ext4_internal.h"
#include "pvguest/file.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct handle {
    struct ext4 *ext4;
    struct ext4_node *node;
};

static struct ext4_node *node_find(struct ext4 *ext4, ext2_ino_t ino)
{
    struct ext4_node *node;

    LIST_FOREACH(node, &ext4->nodes, all)
    if (node->ino == ino)
        return node;
    return NULL;
}

/* The blocks, attributes and number of an inode that nothing refers to any more. */
static int free_inode(struct ext4 *ext4, ext2_ino_t ino)
{
    ext2_filsys fs = ext4->fs;
    struct ext2_inode_large large = { 0 };
    struct ext2_inode *inode = (struct ext2_inode *)&large;
    errcode_t error = ext2fs_read_inode_full(fs, ino, inode, sizeof(large));

    if (!error)
        error = ext2fs_free_ext_attr(fs, ino, &large);
    if (!error && ext2fs_inode_has_valid_blocks2(fs, inode))
        error = ext2fs_punch(fs, ino, inode, NULL, 0, ~0ULL);
    if (error)
        return ext4_errno(error);
    large.i_links_count = 0;
    large.i_dtime = ext4_now();
    error = ext2fs_write_inode_full(fs, ino, inode, sizeof(large));
    if (!error)
        ext2fs_inode_alloc_stats2(fs, ino, -1, LINUX_S_ISDIR(large.i_mode));
    return ext4_errno(error);
}

int ext4_forget_inode(struct ext4 *ext4, ext2_ino_t ino)
{
    struct ext4_node *node = node_find(ext4, ino);

    if (!node)
        return free_inode(ext4, ino);
    node->unlinked = true;
    return 0;
}

/*
 * Where `block` of the file is, and in *count how many blocks of it follow each other from there, at most
 * *count. 0 as *physical: they are not there and read as zeroes.
 */
static errcode_t map_run(struct ext4 *ext4, ext2_ino_t ino, struct ext2_inode *inode, blk64_t block,
                         blk64_t *count, blk64_t *physical)
{
    blk64_t wanted = *count, next;
    int flags;
    errcode_t error = ext2fs_bmap2(ext4->fs, ino, inode, NULL, 0, block, &flags, physical);

    if (flags & BMAP_RET_UNINIT)
        *physical = 0;
    for (*count = 1; !error && *count < wanted; (*count)++) {
        error = ext2fs_bmap2(ext4->fs, ino, inode, NULL, 0, block + *count, &flags, &next);
        if (flags & BMAP_RET_UNINIT)
            next = 0;
        if (next != (*physical ? *physical + *count : 0))
            break;
    }
    return error;
}

/* How many bytes of the file from `at` on, at most `length`, one step can take: part of one block, or whole
 * blocks. */
static size_t step_of(struct ext4 *ext4, uint64_t at, size_t length)
{
    size_t size = ext4->fs->blocksize, in_block = at % size;

    if (!in_block && length >= size)
        return length - length % size;
    return length < size - in_block ? length : size - in_block;
}

static errcode_t read_step(struct ext4 *ext4, ext2_ino_t ino, struct ext2_inode *inode, uint64_t at,
                           char *buf, size_t *length)
{
    size_t size = ext4->fs->blocksize, in_block = at % size;
    blk64_t count = *length < size ? 1 : *length / size, physical;
    errcode_t error = map_run(ext4, ino, inode, at / size, &count, &physical);

    if (error)
        return error;
    if (*length >= size)
        *length = count * size;
    if (!physical) {
        memset(buf, 0, *length);
        return 0;
    }
    if (*length >= size)
        return io_channel_read_blk64(ext4->fs->io, physical, (int)count, buf);
    error = io_channel_read_blk64(ext4->fs->io, physical, 1, ext4->block);
    if (!error)
        memcpy(buf, ext4->block + in_block, *length);
    return error;
}

static ssize_t ext4_pread(struct file *file, void *buf, size_t length, off_t offset)
{
    struct handle *handle = file->object;
    struct ext4 *ext4 = handle->ext4;
    struct ext2_inode inode;
    uint64_t at = (uint64_t)offset;
    size_t done = 0;
    errcode_t error;

    mutex_lock(&ext4->lock);
    error = ext2fs_read_inode(ext4->fs, handle->node->ino, &inode);
    if (!error && LINUX_S_ISDIR(inode.i_mode)) {
        mutex_unlock(&ext4->lock);
        return -EISDIR;
    }
    if (error || at >= EXT2_I_SIZE(&inode))
        length = 0;
    else if (length > EXT2_I_SIZE(&inode) - at)
        length = EXT2_I_SIZE(&inode) - at;
    while (!error && done < length) {
        size_t step = step_of(ext4, at + done, length - done);

        error = read_step(ext4, handle->node->ino, &inode, at + done, (char *)buf + done, &step);
        if (!error)
            done += step;
    }
    mutex_unlock(&ext4->lock);
    return done || !error ? (ssize_t)done : ext4_errno(error);
}

/* The block of the device for a block of the file, taken if there is none; *fresh says that its contents do
 * not count. */
static errcode_t block_for_write(struct ext4 *ext4, ext2_ino_t ino, struct ext2_inode *inode, blk64_t block,
                                 blk64_t *physical, bool *fresh)
{
    int flags;
    errcode_t error = ext2fs_bmap2(ext4->fs, ino, inode, NULL, 0, block, &flags, physical);

    *fresh = !*physical || flags & BMAP_RET_UNINIT;
    if (!error && !*physical)
        error = ext2fs_bmap2(ext4->fs, ino, inode, NULL, BMAP_ALLOC, block, &flags, physical);
    else if (!error && flags & BMAP_RET_UNINIT)
        error = ext2fs_bmap2(ext4->fs, ino, inode, NULL, BMAP_SET, block, &flags, physical);
    return error;
}

static errcode_t write_part(struct ext4 *ext4, blk64_t physical, bool fresh, size_t in_block, const char *buf,
                            size_t length)
{
    errcode_t error = 0;

    if (fresh)
        memset(ext4->block, 0, ext4->fs->blocksize);
    else
        error = io_channel_read_blk64(ext4->fs->io, physical, 1, ext4->block);
    if (error)
        return error;
    memcpy(ext4->block + in_block, buf, length);
    return ext4_write_data(ext4->fs->io, physical, 1, ext4->block);
}

/* Writes what of *length bytes has its place in one run of blocks, and sets *length to that. */
static errcode_t write_step(struct ext4 *ext4, ext2_ino_t ino, struct ext2_inode *inode, uint64_t at,
                            const char *buf, size_t *length)
{
    size_t size = ext4->fs->blocksize;
    blk64_t wanted = *length / size, count, first, next;
    bool fresh;
    errcode_t error = block_for_write(ext4, ino, inode, at / size, &first, &fresh);

    if (error)
        return error;
    if (*length < size)
        return write_part(ext4, first, fresh, at % size, buf, *length);
    for (count = 1; count < wanted; count++)
        if (block_for_write(ext4, ino, inode, at / size + count, &next, &fresh) || next != first + count)
            break;
    *length = count * size;
    return ext4_write_data(ext4->fs->io, first, (unsigned int)count, buf);
}

static errcode_t finish_write(struct ext4 *ext4, ext2_ino_t ino, struct ext2_inode *inode, uint64_t end)
{
    errcode_t error = 0;

    if (end > EXT2_I_SIZE(inode))
        error = ext2fs_inode_size_set(ext4->fs, inode, (ext2_off64_t)end);
    inode->i_mtime = inode->i_ctime = ext4_now();
    return error ? error : ext2fs_write_inode(ext4->fs, ino, inode);
}

static ssize_t ext4_pwrite(struct file *file, const void *buf, size_t length, off_t offset)
{
    struct handle *handle = file->object;
    struct ext4 *ext4 = handle->ext4;
    ext2_ino_t ino = handle->node->ino;
    struct ext2_inode inode;
    size_t done = 0;
    errcode_t error;

    mutex_lock(&ext4->lock);
    error = ext2fs_read_inode(ext4->fs, ino, &inode);
    while (!error && done < length) {
        uint64_t at = (uint64_t)offset + done;
        size_t step = step_of(ext4, at, length - done);

        error = write_step(ext4, ino, &inode, at, (const char *)buf + done, &step);
        if (!error)
            done += step;
    }
    if (done) {
        errcode_t late = finish_write(ext4, ino, &inode, (uint64_t)offset + done);

        error = late ? late : error;
        done = late ? 0 : done;
    }
    mutex_unlock(&ext4->lock);
    return done || !error ? (ssize_t)done : ext4_errno(error);
}

void ext4_fill_stat(const struct ext2_inode *inode, ext2_ino_t ino, uint32_t block_size, struct stat *st)
{
    st->st_ino = (ino_t)ino;
    st->st_mode = inode->i_mode;
    st->st_nlink = inode->i_links_count;
    st->st_size = (off_t)EXT2_I_SIZE(inode);
    st->st_blksize = (blksize_t)block_size;
    st->st_blocks = (blkcnt_t)inode->i_blocks;
    st->st_atime = (time_t)inode->i_atime;
    st->st_mtime = (time_t)inode->i_mtime;
    st->st_ctime = (time_t)inode->i_ctime;
}

static int ext4_fstat(struct file *file, struct stat *st)
{
    struct handle *handle = file->object;
    struct ext2_inode inode;
    errcode_t error;

    mutex_lock(&handle->ext4->lock);
    error = ext2fs_read_inode(handle->ext4->fs, handle->node->ino, &inode);
    if (!error)
        ext4_fill_stat(&inode, handle->node->ino, handle->ext4->fs->blocksize, st);
    mutex_unlock(&handle->ext4->lock);
    return ext4_errno(error);
}

/* @pre the lock is held. */
static errcode_t set_size(struct ext4 *ext4, ext2_ino_t ino, uint64_t size)
{
    ext2_file_t file;
    errcode_t error = ext2fs_file_open(ext4->fs, ino, EXT2_FILE_WRITE, &file), late;

    if (error)
        return error;
    error = ext2fs_file_set_size2(file, (ext2_off64_t)size);
    late = ext2fs_file_close(file);
    return error ? error : late;
}

static int ext4_truncate(struct file *file, off_t length)
{
    struct handle *handle = file->object;
    errcode_t error;

    mutex_lock(&handle->ext4->lock);
    error = set_size(handle->ext4, handle->node->ino, (uint64_t)length);
    mutex_unlock(&handle->ext4->lock);
    return ext4_errno(error);
}

static int ext4_punch(struct file *file, off_t offset, off_t length)
{
    struct handle *handle = file->object;
    struct ext4 *ext4 = handle->ext4;
    uint64_t size = ext4->fs->blocksize;
    blk64_t first = ((uint64_t)offset + size - 1) / size, end = ((uint64_t)offset + (uint64_t)length) / size;
    errcode_t error = 0;

    mutex_lock(&ext4->lock);
    if (first < end)
        error = ext2fs_punch(ext4->fs, handle->node->ino, NULL, NULL, first, end - 1);
    mutex_unlock(&ext4->lock);
    return ext4_errno(error);
}

/* Inodes and directories are on the device already, the bitmaps need not be (ext4.h). */
static int ext4_fsync(struct file *file)
{
    struct handle *handle = file->object;
    struct ext4 *ext4 = handle->ext4;
    struct blockdev *dev = ext4->dev;
    int error;

    mutex_lock(&ext4->lock);
    error = ext4_errno(ext4_write_back(ext4->fs->io));
    mutex_unlock(&ext4->lock);
    return !error && dev->ops->flush ? dev->ops->flush(dev) : error;
}

static int ext4_close(struct file *file)
{
    struct handle *handle = file->object;
    struct ext4 *ext4 = handle->ext4;
    struct ext4_node *node = handle->node;
    int error = 0;

    mutex_lock(&ext4->lock);
    if (--node->files == 0) {
        LIST_REMOVE(node, all);
        if (node->unlinked)
            error = free_inode(ext4, node->ino);
        free(node);
    }
    free(handle);
    return ext4_end_change(ext4, error);
}

static const struct file_ops ext4_file_ops = {
    .pread = ext4_pread,
    .pwrite = ext4_pwrite,
    .fstat = ext4_fstat,
    .truncate = ext4_truncate,
    .punch = ext4_punch,
    .sync = ext4_fsync,
    .close = ext4_close,
};

/* Counts one more open file of an inode; false when memory is short. */
static bool node_open(struct ext4 *ext4, ext2_ino_t ino, struct ext4_node **out)
{
    struct ext4_node *node = node_find(ext4, ino);

    if (!node) {
        node = calloc(1, sizeof(*node));
        if (!node)
            return false;
        node->ino = ino;
        LIST_INSERT_HEAD(&ext4->nodes, node, all);
    }
    node->files++;
    *out = node;
    return true;
}

/* The inode to open, made or emptied as the flags say. */
static int inode_for_open(struct ext4 *ext4, const char *path, int flags, mode_t mode, ext2_ino_t *ino)
{
    bool writes = (flags & O_ACCMODE) != O_RDONLY;
    struct ext2_inode inode;
    int error = ext4_lookup(ext4, path, ino);

    if (ext4->read_only && (writes || (error == -ENOENT && flags & O_CREAT)))
        return -EROFS;
    if (error == -ENOENT && flags & O_CREAT)
        return ext4_create(ext4, path, mode, ino);
    if (error)
        return error;
    if ((flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL))
        return -EEXIST;
    error = ext4_errno(ext2fs_read_inode(ext4->fs, *ino, &inode));
    if (error)
        return error;
    if (LINUX_S_ISDIR(inode.i_mode))
        return writes ? -EISDIR : 0;
    if (!LINUX_S_ISREG(inode.i_mode))
        return -EOPNOTSUPP; /* a device, a pipe, a socket */
    return writes && flags & O_TRUNC ? ext4_errno(set_size(ext4, *ino, 0)) : 0;
}

int ext4_open(void *object, const char *path, int flags, mode_t mode, struct file *file)
{
    struct ext4 *ext4 = object;
    struct handle *handle = malloc(sizeof(*handle));
    ext2_ino_t ino;
    int error;

    if (!handle)
        return -ENOMEM;
    handle->ext4 = ext4;
    mutex_lock(&ext4->lock);
    error = inode_for_open(ext4, path, flags, mode, &ino);
    if (!error && !node_open(ext4, ino, &handle->node))
        error = -ENOMEM;
    mutex_unlock(&ext4->lock);
    if (error) {
        free(handle);
        return error;
    }
    file->ops = &ext4_file_ops;
    file->object = handle;
    return 0;
}
