/* SPDX-License-Identifier: MIT */
#include "pvguest/ext4/ext4.h"
#include "pvguest/ext4/ext4_internal.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/time.h>

uint32_t ext4_now(void)
{
    struct timeval now;

    gettimeofday(&now, NULL);
    return (uint32_t)now.tv_sec;
}

/* Writes back what libext2fs holds, and has the device keep it. @pre the lock is held. */
static int write_back(struct ext4 *ext4)
{
    int error = ext4->read_only ? 0 : ext4_errno(ext2fs_flush(ext4->fs));

    if (!error)
        error = ext4_errno(ext4_write_back(ext4->fs->io));
    if (!error && !ext4->read_only && ext4->dev->ops->flush)
        error = ext4->dev->ops->flush(ext4->dev);
    return error;
}

int ext4_end_change(struct ext4 *ext4, int result)
{
    int error = ext4_errno(ext4_write_back(ext4->fs->io));

    mutex_unlock(&ext4->lock);
    return result ? result : error;
}

static int ext4_sync(void *object)
{
    struct ext4 *ext4 = object;
    int error;

    mutex_lock(&ext4->lock);
    error = write_back(ext4);
    mutex_unlock(&ext4->lock);
    return error;
}

static int ext4_space(void *object, struct fs_space *space)
{
    struct ext4 *ext4 = object;
    struct ext2_super_block *super = ext4->fs->super;

    mutex_lock(&ext4->lock);
    *space = (struct fs_space){
        .block_size = ext4->fs->blocksize,
        .blocks = ext2fs_blocks_count(super),
        .bfree = ext2fs_free_blocks_count(super),
        .files = super->s_inodes_count,
        .ffree = super->s_free_inodes_count,
    };
    mutex_unlock(&ext4->lock);
    return 0;
}

static void ext4_free(struct ext4 *ext4)
{
    if (ext4->fs)
        ext2fs_free(ext4->fs);
    free(ext4->block);
    free(ext4);
}

static int ext4_unmount(void *object)
{
    struct ext4 *ext4 = object;
    int error;

    if (!ext4->read_only) {
        ext4->fs->super->s_state |= EXT2_VALID_FS;
        ext2fs_mark_super_dirty(ext4->fs);
    }
    error = write_back(ext4);
    ext4_free(ext4);
    return error;
}

static const struct fs_ops ext4_ops = {
    .name = "ext4",
    .open = ext4_open,
    .stat = ext4_stat,
    .list = ext4_list,
    .mkdir = ext4_mkdir,
    .rmdir = ext4_rmdir,
    .unlink = ext4_unlink,
    .rename = ext4_rename,
    .link = ext4_link,
    .chmod = ext4_chmod,
    .utime = ext4_utime,
    .space = ext4_space,
    .sync = ext4_sync,
    .unmount = ext4_unmount,
};

/* The same without what changes something. */
static const struct fs_ops ext4_read_only_ops = {
    .name = "ext4",
    .open = ext4_open,
    .stat = ext4_stat,
    .list = ext4_list,
    .space = ext4_space,
    .unmount = ext4_unmount,
};

/* Makes the open file system one that may be written to: mended if its last mount did not end, and marked as
 * in use. */
static int begin_writing(struct ext4 *ext4)
{
    ext2_filsys fs = ext4->fs;
    int error;

    if (!(fs->super->s_state & EXT2_VALID_FS)) {
        error = fs->super->s_state & EXT2_ERROR_FS ? -EBADMSG : ext4_recount(fs);
        if (error)
            return error;
    }
    /* The copies of the superblock and of the group descriptors are only for repairs: not to be written each
     * time. */
    fs->flags |= EXT2_FLAG_MASTER_SB_ONLY;
    fs->super->s_state &= (__u16)~EXT2_VALID_FS;
    fs->super->s_mtime = ext4_now();
    fs->super->s_mnt_count++;
    ext2fs_mark_super_dirty(fs);
    return write_back(ext4);
}

static int open_file_system(struct ext4 *ext4)
{
    struct ext2_super_block *super;
    int error = ext4_errno(ext4_open_device(ext4->dev, ext4->read_only, &ext4->fs));

    if (error) {
        ext4->fs = NULL;
        return error;
    }
    super = ext4->fs->super;
    if (ext2fs_has_feature_inline_data(super) || ext2fs_has_feature_journal_dev(super) ||
        ext2fs_has_feature_bigalloc(super) || ext2fs_has_feature_encrypt(super))
        return -EOPNOTSUPP;
    if (ext2fs_has_feature_journal_needs_recovery(super))
        return -EBADMSG;
    ext4->block = malloc(ext4->fs->blocksize);
    if (!ext4->block)
        return -ENOMEM;
    if (ext4->read_only)
        return 0;
    /* Those that are made again need not fit their checksums, which a sudden end leaves older or newer. */
    if (!(super->s_state & EXT2_VALID_FS))
        ext4->fs->flags |= EXT2_FLAG_IGNORE_CSUM_ERRORS;
    error = ext4_errno(ext2fs_read_bitmaps(ext4->fs));
    ext4->fs->flags &= ~EXT2_FLAG_IGNORE_CSUM_ERRORS;
    return error ? error : begin_writing(ext4);
}

int ext4_mount(const char *path, struct blockdev *dev, bool read_only)
{
    struct ext4 *ext4;
    int error;

    if (dev->read_only && !read_only)
        return -EROFS;
    ext4 = calloc(1, sizeof(*ext4));
    if (!ext4)
        return -ENOMEM;
    mutex_init(&ext4->lock);
    LIST_INIT(&ext4->nodes);
    ext4->dev = dev;
    ext4->read_only = read_only;
    error = open_file_system(ext4);
    if (error) {
        ext4_free(ext4);
        return error;
    }
    error = fs_mount(path, dev->name, read_only ? &ext4_read_only_ops : &ext4_ops, ext4);
    if (error)
        ext4_unmount(ext4);
    return error;
}
