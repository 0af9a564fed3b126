/* SPDX-License-Identifier: MIT */
/* POSIX's files and directories by path, on the archive. */
#include "pvguest/file.h"
#include "pvguest/tarfs.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct pvguest_dir {
    const struct tarfs_node *directory;
    const struct tarfs_node *previous;
    struct dirent entry;
};

static const struct tarfs_node *node_of(struct file *file)
{
    return file->object;
}

static ssize_t node_read(struct file *file, void *buf, size_t length)
{
    const struct tarfs_node *node = node_of(file);
    size_t offset = (size_t)file->offset;

    if (node->directory)
        return -EISDIR;
    if (offset >= node->size)
        return 0;
    if (length > node->size - offset)
        length = node->size - offset;
    memcpy(buf, (const char *)node->data + offset, length);
    file->offset += (off_t)length;
    return (ssize_t)length;
}

static off_t node_lseek(struct file *file, off_t offset, int whence)
{
    off_t base = 0;

    if (whence == SEEK_CUR)
        base = file->offset;
    else if (whence == SEEK_END)
        base = (off_t)node_of(file)->size;
    else if (whence != SEEK_SET)
        return -EINVAL;
    if (__builtin_add_overflow(base, offset, &base))
        return -EOVERFLOW;
    if (base < 0)
        return -EINVAL;
    file->offset = base;
    return base;
}

static void fill_stat(const struct tarfs_node *node, struct stat *st)
{
    memset(st, 0, sizeof(*st));
    st->st_mode = (node->directory ? S_IFDIR : S_IFREG) | node->mode;
    st->st_nlink = 1;
    st->st_size = (off_t)node->size;
    st->st_blksize = 4096;
    st->st_blocks = (blkcnt_t)((node->size + 511) / 512);
    st->st_mtime = (time_t)node->mtime;
}

static int node_fstat(struct file *file, struct stat *st)
{
    fill_stat(node_of(file), st);
    return 0;
}

static const struct file_ops node_ops = { .read = node_read, .lseek = node_lseek, .fstat = node_fstat };

int open(const char *path, int flags, ...)
{
    const struct tarfs_node *node = tarfs_find(path);
    int fd;

    if (!node) {
        errno = flags & O_CREAT ? EROFS : ENOENT;
        return -1;
    }
    if ((flags & O_ACCMODE) != O_RDONLY) {
        errno = node->directory ? EISDIR : EROFS;
        return -1;
    }
    fd = file_open(&node_ops, (void *)(uintptr_t)node);
    if (fd < 0) {
        errno = -fd;
        return -1;
    }
    return fd;
}

int stat(const char *path, struct stat *st)
{
    const struct tarfs_node *node = tarfs_find(path);

    if (!node) {
        errno = ENOENT;
        return -1;
    }
    fill_stat(node, st);
    return 0;
}

int access(const char *path, int mode)
{
    const struct tarfs_node *node = tarfs_find(path);

    if (node && !(mode & W_OK))
        return 0;
    errno = node ? EROFS : ENOENT;
    return -1;
}

DIR *opendir(const char *path)
{
    const struct tarfs_node *node = tarfs_find(path);
    DIR *dir;

    if (!node || !node->directory) {
        errno = node ? ENOTDIR : ENOENT;
        return NULL;
    }
    dir = calloc(1, sizeof(*dir));
    if (dir)
        dir->directory = node;
    return dir;
}

struct dirent *readdir(DIR *dir)
{
    const struct tarfs_node *node = tarfs_next_child(dir->directory, dir->previous);

    if (!node)
        return NULL;
    dir->previous = node;
    dir->entry.d_ino = 1;
    dir->entry.d_type = node->directory ? DT_DIR : DT_REG;
    strncpy(dir->entry.d_name, tarfs_name(node), MAXNAMLEN);
    return &dir->entry;
}

void rewinddir(DIR *dir)
{
    dir->previous = NULL;
}

int closedir(DIR *dir)
{
    free(dir);
    return 0;
}
