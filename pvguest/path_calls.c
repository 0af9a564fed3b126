/* SPDX-License-Identifier: MIT */
/* POSIX's calls that take a path: each finds the path's file system and hands it on. */
#include "pvguest/file.h"
#include "pvguest/fs.h"
#include <errno.h>
#include <fcntl.h>
#include <reent.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

static int c_result(int result)
{
    if (result >= 0)
        return result;
    errno = -result;
    return -1;
}

/* Lets the path's file system open it, in place of what is in *file; the mount stays with the file. */
static int open_file(const char *path, int flags, mode_t mode, struct file *file)
{
    char rest[FS_PATH_MAX + 1];
    int error;

    file->mount = fs_find(path, rest, &error);
    if (!file->mount)
        return error;
    file->flags = flags;
    error = fs_ops_of(file->mount)->open(fs_object_of(file->mount), rest, flags, mode, file);
    if (error)
        fs_put(file->mount);
    return error;
}

int open(const char *path, int flags, ...)
{
    struct file *file = calloc(1, sizeof(*file));
    mode_t mode = 0;
    int result;

    if (flags & O_CREAT) {
        va_list args;

        va_start(args, flags);
        mode = va_arg(args, mode_t);
        va_end(args);
    }
    if (!file)
        return c_result(-ENOMEM);
    result = open_file(path, flags, mode, file);
    if (result) {
        free(file);
        return c_result(result);
    }
    result = file_install(file);
    if (result < 0)
        file_discard(file);
    return c_result(result);
}

int stat(const char *path, struct stat *st)
{
    char rest[FS_PATH_MAX + 1];
    int error;
    struct fs_mount *mount = fs_find(path, rest, &error);

    if (mount) {
        memset(st, 0, sizeof(*st));
        error = fs_ops_of(mount)->stat(fs_object_of(mount), rest, st);
        fs_put(mount);
    }
    return c_result(error);
}

/* There are no users: what a file system can change may be changed. */
int access(const char *path, int mode)
{
    char rest[FS_PATH_MAX + 1];
    struct stat st;
    struct fs_mount *mount;
    int error;

    if (stat(path, &st))
        return -1;
    mount = fs_find(path, rest, &error);
    if (!mount)
        return c_result(error);
    if (mode & W_OK && !fs_ops_of(mount)->unlink)
        error = -EROFS;
    else
        error = 0;
    fs_put(mount);
    return c_result(error);
}

/* Calls one of the operations that take the path and nothing else. */
static int change(const char *path, size_t operation)
{
    char rest[FS_PATH_MAX + 1];
    int error;
    struct fs_mount *mount = fs_find(path, rest, &error);
    int (*fn)(void *fs, const char *path);

    if (!mount)
        return c_result(error);
    memcpy(&fn, (const char *)fs_ops_of(mount) + operation, sizeof(fn));
    error = fn ? fn(fs_object_of(mount), rest) : -EROFS;
    fs_put(mount);
    return c_result(error);
}

int unlink(const char *path)
{
    return change(path, offsetof(struct fs_ops, unlink));
}

int rmdir(const char *path)
{
    return change(path, offsetof(struct fs_ops, rmdir));
}

/* The same with a mode. */
static int change_mode(const char *path, size_t operation, mode_t mode)
{
    char rest[FS_PATH_MAX + 1];
    int error;
    struct fs_mount *mount = fs_find(path, rest, &error);
    int (*fn)(void *fs, const char *path, mode_t mode);

    if (!mount)
        return c_result(error);
    memcpy(&fn, (const char *)fs_ops_of(mount) + operation, sizeof(fn));
    error = fn ? fn(fs_object_of(mount), rest, mode) : -EROFS;
    fs_put(mount);
    return c_result(error);
}

int mkdir(const char *path, mode_t mode)
{
    return change_mode(path, offsetof(struct fs_ops, mkdir), mode);
}

int chmod(const char *path, mode_t mode)
{
    return change_mode(path, offsetof(struct fs_ops, chmod), mode);
}

/* The same with two paths of one file system. */
static int change_two(const char *from, const char *to, size_t operation)
{
    char rest_from[FS_PATH_MAX + 1], rest_to[FS_PATH_MAX + 1];
    struct fs_mount *mount, *mount_to = NULL;
    int (*fn)(void *fs, const char *from, const char *to);
    int error;

    mount = fs_find(from, rest_from, &error);
    if (mount)
        mount_to = fs_find(to, rest_to, &error);
    if (mount && mount_to) {
        memcpy(&fn, (const char *)fs_ops_of(mount) + operation, sizeof(fn));
        error = mount != mount_to ? -EXDEV : fn ? fn(fs_object_of(mount), rest_from, rest_to) : -EROFS;
    }
    if (mount_to)
        fs_put(mount_to);
    if (mount)
        fs_put(mount);
    return c_result(error);
}

int link(const char *from, const char *to)
{
    return change_two(from, to, offsetof(struct fs_ops, link));
}

/* newlib's own is a link and an unlink, which is not one step. */
int _rename_r(struct _reent *reent, const char *from, const char *to)
{
    (void)reent;
    return change_two(from, to, offsetof(struct fs_ops, rename));
}

int truncate(const char *path, off_t length)
{
    int fd = open(path, O_WRONLY), result, saved;

    if (fd < 0)
        return -1;
    result = ftruncate(fd, length);
    saved = errno;
    close(fd);
    errno = saved;
    return result;
}

int utimes(const char *path, const struct timeval *times)
{
    char rest[FS_PATH_MAX + 1];
    struct timeval now;
    int error;
    struct fs_mount *mount = fs_find(path, rest, &error);

    if (!mount)
        return c_result(error);
    gettimeofday(&now, NULL);
    error = -EROFS;
    if (fs_ops_of(mount)->utime)
        error = fs_ops_of(mount)->utime(fs_object_of(mount), rest, times ? times[1].tv_sec : now.tv_sec);
    fs_put(mount);
    return c_result(error);
}

void sync(void)
{
    fs_sync();
}
