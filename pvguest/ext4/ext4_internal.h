/* SPDX-License-Identifier: MIT */
/* What the files of this folder share. libext2fs is not made for threads: each file system has one lock. */
#ifndef PVGUEST_EXT4_INTERNAL_H
#define PVGUEST_EXT4_INTERNAL_H

#include "pvguest/blockdev.h"
#include "pvguest/fs.h"
#include "pvguest/sync.h"
#include <stdbool.h>
#include <sys/queue.h>
#include <ext2fs/ext2_fs.h>
#include <ext2fs/ext2fs.h>

/* An inode that files are open of. */
struct ext4_node {
    LIST_ENTRY(ext4_node) all;
    ext2_ino_t ino;
    unsigned int files;
    bool unlinked; /* its last name is gone: it ends with the last file */
};

struct ext4 {
    struct mutex lock; /* everything below, and all calls of libext2fs */
    ext2_filsys fs;
    struct blockdev *dev;
    bool read_only;
    LIST_HEAD(, ext4_node) nodes;
    char *block; /* one block, for parts of blocks */
};

/* ext4_io.c: opens libext2fs's view of the device. As ext2fs_open2(). */
errcode_t ext4_open_device(struct blockdev *dev, bool read_only, ext2_filsys *fs);
/* Writes blocks of files: several at once, single ones when something needs them on the device. */
errcode_t ext4_write_data(io_channel io, blk64_t block, unsigned int count, const char *data);
/* Writes what waits in the cache; an error may be that of an earlier write. */
errcode_t ext4_write_back(io_channel io);

/* ext4_error.c: the negated errno for libext2fs's error, 0 for 0. */
int ext4_errno(errcode_t error);

/* ext4_check.c: recomputes the bitmaps and counts from the inodes, after a mount that did not end. */
int ext4_recount(ext2_filsys fs);

/* ext4_file.c. Those with an inode number want the lock held. */
int ext4_open(void *object, const char *path, int flags, mode_t mode, struct file *file);
void ext4_fill_stat(const struct ext2_inode *inode, ext2_ino_t ino, uint32_t block_size, struct stat *st);
/* Frees an inode without a name, or leaves that to the last file that is open of it. */
int ext4_forget_inode(struct ext4 *ext4, ext2_ino_t ino);

/* ext4_names.c. The inode at a path, with the lock held; links are followed. */
int ext4_lookup(struct ext4 *ext4, const char *path, ext2_ino_t *ino);
/* Makes an empty regular file, with the lock held. */
int ext4_create(struct ext4 *ext4, const char *path, mode_t mode, ext2_ino_t *ino);
int ext4_stat(void *object, const char *path, struct stat *st);
int ext4_list(void *object, const char *path, fs_entry_fn entry, void *context);
int ext4_mkdir(void *object, const char *path, mode_t mode);
int ext4_rmdir(void *object, const char *path);
int ext4_unlink(void *object, const char *path);
int ext4_rename(void *object, const char *from, const char *to);
int ext4_link(void *object, const char *from, const char *to);
int ext4_chmod(void *object, const char *path, mode_t mode);
int ext4_utime(void *object, const char *path, time_t modified);

/* ext4_mount.c: ends a change of names with the given result: writes what waits, and unlocks. The result, or
 * the negated errno of writing. */
int ext4_end_change(struct ext4 *ext4, int result);

/* Seconds since 1970, for inodes. */
uint32_t ext4_now(void);

#endif
