/* SPDX-License-Identifier: MIT */
/*
 * File systems and where they are mounted. A path's file system is the mount with the longest matching
 * prefix; what is left of the path, absolute and normalised, goes to its operations. Operations return a
 * result >= 0 or a negated errno of the C library, run in the calling thread, and lock for themselves. One
 * that is NULL means "read-only": its call fails with EROFS.
 */
#ifndef PVGUEST_FS_H
#define PVGUEST_FS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define FS_PATH_MAX 1023 /* characters of a normalised path */
#define FS_NAME_MAX 255  /* of one part of it */

struct stat;
struct file;

struct fs_space {
    uint32_t block_size;    /* bytes */
    uint64_t blocks, bfree; /* all, and free ones */
    uint64_t files, ffree;  /* inodes: all, and free ones; 0 where there is no limit */
};

/* Takes one name of a directory; a result other than 0 ends the listing with it. */
typedef int (*fs_entry_fn)(void *context, const char *name, ino_t inode, unsigned char type /* DT_* */);

struct fs_ops {
    const char *name; /* "ext4" */
    /* flags: O_* of <fcntl.h>, mode: permissions of a file that is made. Sets file->ops and file->object. */
    int (*open)(void *fs, const char *path, int flags, mode_t mode, struct file *file);
    int (*stat)(void *fs, const char *path, struct stat *st); /* *st is zeroed; symbolic links are followed */
    int (*list)(void *fs, const char *path, fs_entry_fn entry, void *context); /* without "." and ".." */
    int (*mkdir)(void *fs, const char *path, mode_t mode);
    int (*rmdir)(void *fs, const char *path);
    int (*unlink)(void *fs, const char *path);
    int (*rename)(void *fs, const char *from, const char *to); /* replaces what is there */
    int (*link)(void *fs, const char *from, const char *to);
    int (*chmod)(void *fs, const char *path, mode_t mode);
    int (*utime)(void *fs, const char *path, time_t modified);
    int (*space)(void *fs, struct fs_space *space);
    int (*sync)(void *fs); /* NULL: nothing to do */
    /* Writes back and frees everything. Called once, when no file is open any more. */
    int (*unmount)(void *fs);
};

/* Hangs a file system at an existing or imagined directory; its files hide what was there. -EINVAL (no
 * absolute path), -EBUSY (a mount is there already), -ENAMETOOLONG, -ENOMEM. On an error the caller keeps
 * `fs`. `source` (copied) says what it is made of, for lists: "vda1". */
int fs_mount(const char *path, const char *source, const struct fs_ops *ops, void *fs);

/* Takes it away again: -EINVAL if nothing is mounted there, -EBUSY while files are open or a mount is below;
 * or what the file system's last write said, after which it is gone all the same. */
int fs_unmount(const char *path);

/* All mounts write back what they hold; the first error. */
int fs_sync(void);

/* Calls fn for every mount, in the order of their paths. */
void fs_for_each(void (*fn)(void *context, const char *path, const char *source, const struct fs_ops *ops,
                            void *fs),
                 void *context);

struct fs_mount;

/*
 * The mount that has the path (taken relative to the working directory), kept until fs_put(), and in `rest`
 * (FS_PATH_MAX + 1 characters) the path inside it. NULL and *error = -ENAMETOOLONG or -ENOENT.
 */
struct fs_mount *fs_find(const char *path, char *rest, int *error);
void fs_put(struct fs_mount *mount);
const struct fs_ops *fs_ops_of(const struct fs_mount *mount);
void *fs_object_of(const struct fs_mount *mount);

#endif
