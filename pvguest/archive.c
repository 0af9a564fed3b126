/* SPDX-License-Identifier: MIT */
#include "pvguest/archive.h"
#include "pvguest/file.h"
#include "pvguest/fs.h"
#include "pvguest/memory.h"
#include "pvguest/ramfs.h"
#include "pvguest/tarfs.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

static const struct tarfs_node *node_of(struct file *file)
{
    return file->object;
}

static ssize_t node_pread(struct file *file, void *buf, size_t length, off_t offset)
{
    const struct tarfs_node *node = node_of(file);

    if (node->directory)
        return -EISDIR;
    if ((size_t)offset >= node->size)
        return 0;
    if (length > node->size - (size_t)offset)
        length = node->size - (size_t)offset;
    memcpy(buf, (const char *)node->data + offset, length);
    return (ssize_t)length;
}

static int fill_stat(const struct tarfs_node *node, struct stat *st)
{
    st->st_mode = (node->directory ? S_IFDIR : S_IFREG) | node->mode;
    st->st_nlink = 1;
    st->st_size = (off_t)node->size;
    st->st_blksize = 4096;
    st->st_blocks = (blkcnt_t)((node->size + 511) / 512);
    st->st_mtime = (time_t)node->mtime;
    return 0;
}

static int node_fstat(struct file *file, struct stat *st)
{
    return fill_stat(node_of(file), st);
}

static const struct file_ops node_ops = { .pread = node_pread, .fstat = node_fstat };

static int archive_open(void *fs, const char *path, int flags, mode_t mode, struct file *file)
{
    const struct tarfs_node *node = tarfs_find(path);

    (void)fs, (void)mode;
    if (!node)
        return flags & O_CREAT ? -EROFS : -ENOENT;
    if ((flags & O_ACCMODE) != O_RDONLY)
        return node->directory ? -EISDIR : -EROFS;
    file->ops = &node_ops;
    file->object = (void *)(uintptr_t)node;
    return 0;
}

static int archive_stat(void *fs, const char *path, struct stat *st)
{
    const struct tarfs_node *node = tarfs_find(path);

    (void)fs;
    return node ? fill_stat(node, st) : -ENOENT;
}

static int archive_list(void *fs, const char *path, fs_entry_fn entry, void *context)
{
    const struct tarfs_node *directory = tarfs_find(path), *node = NULL;
    int error = 0;

    (void)fs;
    if (!directory || !directory->directory)
        return directory ? -ENOTDIR : -ENOENT;
    while (!error && (node = tarfs_next_child(directory, node)) != NULL)
        error = entry(context, tarfs_name(node), 1, node->directory ? DT_DIR : DT_REG);
    return error;
}

static const struct fs_ops archive_ops = {
    .name = "tar",
    .open = archive_open,
    .stat = archive_stat,
    .list = archive_list,
};

void archive_init(void)
{
    tarfs_init((const void *)start_info->mod_start, start_info->mod_len);
    fs_mount("/", "archive", &archive_ops, NULL);
    ramfs_mount("/tmp", memory_total_pages() / 2);
}
