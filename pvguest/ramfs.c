/* SPDX-License-Identifier: MIT */
#include "pvguest/ramfs.h"
#include "pvguest/file.h"
#include "pvguest/fs.h"
#include "pvguest/memory.h"
#include "pvguest/sync.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <sys/time.h>

struct node {
    LIST_ENTRY(node) sibling;
    LIST_HEAD(, node) children; /* of a directory */
    struct node *parent;        /* NULL: the root, or a file that was unlinked while it was open */
    char *name;
    bool directory;
    unsigned int open; /* files that refer to it */
    mode_t mode;
    time_t modified;
    ino_t inode;
    uint64_t size;
    void **page; /* of a file; NULL where nothing was written */
    size_t pages;
};

struct ramfs {
    struct mutex lock; /* everything below it */
    struct node root;
    ino_t next_inode;
    size_t used, max; /* pages with contents */
};

static struct node *child_of(struct node *directory, const char *name, size_t length)
{
    struct node *node;

    LIST_FOREACH(node, &directory->children, sibling)
    if (strncmp(node->name, name, length) == 0 && node->name[length] == '\0')
        return node;
    return NULL;
}

/*
 * The node at a path, or NULL and *error = -ENOENT or -ENOTDIR. When only the last part is missing, *parent
 * is the directory where it would be and *name the part; otherwise *parent is NULL.
 */
static struct node *find(struct ramfs *fs, const char *path, struct node **parent, const char **name,
                         int *error)
{
    struct node *node = &fs->root;

    *parent = NULL;
    *error = 0;
    for (path++; *path;) {
        size_t length = strcspn(path, "/");
        struct node *child;

        if (!node->directory) {
            *error = -ENOTDIR;
            return NULL;
        }
        child = child_of(node, path, length);
        if (!child) {
            *error = -ENOENT;
            if (!path[length]) {
                *parent = node;
                *name = path;
            }
            return NULL;
        }
        node = child;
        path += length + (path[length] == '/');
    }
    return node;
}

/* The same for a path that must be there. */
static struct node *find_existing(struct ramfs *fs, const char *path, int *error)
{
    struct node *parent;
    const char *name;

    return find(fs, path, &parent, &name, error);
}

static struct node *node_new(struct ramfs *fs, struct node *parent, const char *name, bool directory,
                             mode_t mode)
{
    struct node *node = calloc(1, sizeof(*node));
    struct timeval now;

    if (!node)
        return NULL;
    node->name = strdup(name);
    if (!node->name) {
        free(node);
        return NULL;
    }
    gettimeofday(&now, NULL);
    LIST_INIT(&node->children);
    node->parent = parent;
    node->directory = directory;
    node->mode = mode & 07777;
    node->modified = now.tv_sec;
    node->inode = ++fs->next_inode;
    LIST_INSERT_HEAD(&parent->children, node, sibling);
    return node;
}

/* Gives back the pages from the one numbered `first` on. */
static void drop_pages(struct ramfs *fs, struct node *node, size_t first)
{
    for (size_t i = first; i < node->pages; i++)
        if (node->page[i]) {
            page_free(node->page[i], 0);
            node->page[i] = NULL;
            fs->used--;
        }
}

/* Frees a node that neither a directory nor an open file refers to. */
static void node_release(struct ramfs *fs, struct node *node)
{
    if (node->parent || node->open || node == &fs->root)
        return;
    drop_pages(fs, node, 0);
    free(node->page);
    free(node->name);
    free(node);
}

static void detach(struct ramfs *fs, struct node *node)
{
    LIST_REMOVE(node, sibling);
    node->parent = NULL;
    node_release(fs, node);
}

/* ---- open files ---- */

struct handle {
    struct ramfs *fs;
    struct node *node;
};

static ssize_t ramfs_pread(struct file *file, void *buf, size_t length, off_t offset)
{
    struct handle *handle = file->object;
    struct node *node = handle->node;
    uint64_t at = (uint64_t)offset;
    size_t done = 0;

    if (node->directory)
        return -EISDIR;
    mutex_lock(&handle->fs->lock);
    if (at >= node->size)
        length = 0;
    else if (length > node->size - at)
        length = node->size - at;
    while (done < length) {
        size_t in_page = (at + done) % PAGE_SIZE, chunk = PAGE_SIZE - in_page;
        size_t index = (at + done) / PAGE_SIZE;

        if (chunk > length - done)
            chunk = length - done;
        if (index < node->pages && node->page[index])
            memcpy((char *)buf + done, (char *)node->page[index] + in_page, chunk);
        else
            memset((char *)buf + done, 0, chunk);
        done += chunk;
    }
    mutex_unlock(&handle->fs->lock);
    return (ssize_t)done;
}

/* Room for `pages` pages in the vector. */
static bool grow_vector(struct node *node, size_t pages)
{
    size_t space = pages < 2 * node->pages ? 2 * node->pages : pages;
    void **bigger;

    if (pages <= node->pages)
        return true;
    bigger = realloc(node->page, space * sizeof(*bigger));
    if (!bigger)
        return false;
    memset(bigger + node->pages, 0, (space - node->pages) * sizeof(*bigger));
    node->page = bigger;
    node->pages = space;
    return true;
}

static void *page_for_write(struct ramfs *fs, struct node *node, size_t index)
{
    if (!grow_vector(node, index + 1))
        return NULL;
    if (!node->page[index] && fs->used < fs->max) {
        node->page[index] = page_alloc_zeroed();
        fs->used += node->page[index] != NULL;
    }
    return node->page[index];
}

static ssize_t ramfs_pwrite(struct file *file, const void *buf, size_t length, off_t offset)
{
    struct handle *handle = file->object;
    struct node *node = handle->node;
    uint64_t at = (uint64_t)offset;
    struct timeval now;
    size_t done = 0;

    /* So that the size of the vector cannot overflow, and what it takes is little beside the files. */
    if (at + length > (uint64_t)handle->fs->max * PAGE_SIZE)
        return -EFBIG;
    gettimeofday(&now, NULL);
    mutex_lock(&handle->fs->lock);
    while (done < length) {
        size_t in_page = (at + done) % PAGE_SIZE, chunk = PAGE_SIZE - in_page;
        char *page = page_for_write(handle->fs, node, (at + done) / PAGE_SIZE);

        if (!page)
            break;
        if (chunk > length - done)
            chunk = length - done;
        memcpy(page + in_page, (const char *)buf + done, chunk);
        done += chunk;
    }
    if (done && at + done > node->size)
        node->size = at + done;
    node->modified = now.tv_sec;
    mutex_unlock(&handle->fs->lock);
    return done || !length ? (ssize_t)done : -ENOSPC;
}

static void set_size(struct ramfs *fs, struct node *node, uint64_t size)
{
    size_t in_page = size % PAGE_SIZE;

    if (size < node->size) {
        drop_pages(fs, node, (size + PAGE_SIZE - 1) / PAGE_SIZE);
        if (in_page && size / PAGE_SIZE < node->pages && node->page[size / PAGE_SIZE])
            memset((char *)node->page[size / PAGE_SIZE] + in_page, 0, PAGE_SIZE - in_page);
    }
    node->size = size;
}

static int ramfs_truncate(struct file *file, off_t length)
{
    struct handle *handle = file->object;

    if ((uint64_t)length > (uint64_t)handle->fs->max * PAGE_SIZE)
        return -EFBIG;
    mutex_lock(&handle->fs->lock);
    set_size(handle->fs, handle->node, (uint64_t)length);
    mutex_unlock(&handle->fs->lock);
    return 0;
}

static void fill_stat(const struct node *node, struct stat *st)
{
    st->st_mode = (node->directory ? S_IFDIR : S_IFREG) | node->mode;
    st->st_ino = node->inode;
    st->st_nlink = 1;
    st->st_size = (off_t)node->size;
    st->st_blksize = PAGE_SIZE;
    st->st_blocks = (blkcnt_t)((node->size + 511) / 512);
    st->st_mtime = node->modified;
}

static int ramfs_fstat(struct file *file, struct stat *st)
{
    struct handle *handle = file->object;

    mutex_lock(&handle->fs->lock);
    fill_stat(handle->node, st);
    mutex_unlock(&handle->fs->lock);
    return 0;
}

static int ramfs_close(struct file *file)
{
    struct handle *handle = file->object;

    mutex_lock(&handle->fs->lock);
    handle->node->open--;
    node_release(handle->fs, handle->node);
    mutex_unlock(&handle->fs->lock);
    free(handle);
    return 0;
}

static const struct file_ops ramfs_file_ops = {
    .pread = ramfs_pread,
    .pwrite = ramfs_pwrite,
    .fstat = ramfs_fstat,
    .truncate = ramfs_truncate,
    .close = ramfs_close,
};

/* ---- paths ---- */

/* The node to open, made if it may be: NULL and *error else. */
static struct node *open_node(struct ramfs *fs, const char *path, int flags, mode_t mode, int *error)
{
    struct node *parent, *node;
    const char *name;

    node = find(fs, path, &parent, &name, error);
    if (node && (flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL))
        *error = -EEXIST;
    else if (node && node->directory && (flags & O_ACCMODE) != O_RDONLY)
        *error = -EISDIR;
    else if (!node && parent && flags & O_CREAT) {
        node = strlen(name) <= FS_NAME_MAX ? node_new(fs, parent, name, false, mode) : NULL;
        *error = node ? 0 : strlen(name) > FS_NAME_MAX ? -ENAMETOOLONG : -ENOMEM;
    }
    return *error ? NULL : node;
}

static int ramfs_open(void *object, const char *path, int flags, mode_t mode, struct file *file)
{
    struct ramfs *fs = object;
    struct handle *handle = malloc(sizeof(*handle));
    int error;

    if (!handle)
        return -ENOMEM;
    mutex_lock(&fs->lock);
    *handle = (struct handle){ fs, open_node(fs, path, flags, mode, &error) };
    if (!error) {
        handle->node->open++;
        if (flags & O_TRUNC && (flags & O_ACCMODE) != O_RDONLY)
            set_size(fs, handle->node, 0);
    }
    mutex_unlock(&fs->lock);
    if (error) {
        free(handle);
        return error;
    }
    file->ops = &ramfs_file_ops;
    file->object = handle;
    return 0;
}

static int ramfs_stat(void *object, const char *path, struct stat *st)
{
    struct ramfs *fs = object;
    struct node *node;
    int error;

    mutex_lock(&fs->lock);
    node = find_existing(fs, path, &error);
    if (node)
        fill_stat(node, st);
    mutex_unlock(&fs->lock);
    return error;
}

static int ramfs_list(void *object, const char *path, fs_entry_fn entry, void *context)
{
    struct ramfs *fs = object;
    struct node *directory, *node;
    int error;

    mutex_lock(&fs->lock);
    directory = find_existing(fs, path, &error);
    if (directory && !directory->directory)
        error = -ENOTDIR;
    if (!error)
        LIST_FOREACH(node, &directory->children, sibling)
        {
            error = entry(context, node->name, node->inode, node->directory ? DT_DIR : DT_REG);
            if (error)
                break;
        }
    mutex_unlock(&fs->lock);
    return error;
}

static int ramfs_mkdir(void *object, const char *path, mode_t mode)
{
    struct ramfs *fs = object;
    struct node *parent;
    const char *name;
    int error;

    mutex_lock(&fs->lock);
    if (find(fs, path, &parent, &name, &error))
        error = -EEXIST;
    else if (parent && strlen(name) > FS_NAME_MAX)
        error = -ENAMETOOLONG;
    else if (parent)
        error = node_new(fs, parent, name, true, mode) ? 0 : -ENOMEM;
    mutex_unlock(&fs->lock);
    return error;
}

static int remove_node(struct ramfs *fs, const char *path, bool directory)
{
    struct node *node;
    int error;

    mutex_lock(&fs->lock);
    node = find_existing(fs, path, &error);
    if (node && node->directory != directory)
        error = directory ? -ENOTDIR : -EISDIR;
    else if (node && (node == &fs->root || !LIST_EMPTY(&node->children)))
        error = node == &fs->root ? -EBUSY : -ENOTEMPTY;
    else if (node)
        detach(fs, node);
    mutex_unlock(&fs->lock);
    return error;
}

static int ramfs_unlink(void *fs, const char *path)
{
    return remove_node(fs, path, false);
}

static int ramfs_rmdir(void *fs, const char *path)
{
    return remove_node(fs, path, true);
}

/* Why `target`, which is there, cannot be replaced by `node`; or 0. */
static int refuse_replacing(const struct node *node, const struct node *target)
{
    if (target->directory != node->directory)
        return target->directory ? -EISDIR : -ENOTDIR;
    return LIST_EMPTY(&target->children) && target->parent ? 0 : -ENOTEMPTY;
}

static bool is_inside(const struct node *node, const struct node *directory)
{
    while (node && node != directory)
        node = node->parent;
    return node != NULL;
}

/* @pre fs->lock is held; `node` is not the root. */
static int move_node(struct ramfs *fs, struct node *node, const char *to)
{
    struct node *target, *parent;
    const char *name;
    char *copy;
    int error;

    target = find(fs, to, &parent, &name, &error);
    if (target == node)
        return 0;
    if (target) {
        parent = target->parent;
        name = target->name;
        error = refuse_replacing(node, target);
        if (error)
            return error;
    } else if (!parent) {
        return error;
    }
    if (is_inside(parent, node))
        return -EINVAL;
    if (strlen(name) > FS_NAME_MAX)
        return -ENAMETOOLONG;
    copy = strdup(name);
    if (!copy)
        return -ENOMEM;
    if (target)
        detach(fs, target);
    LIST_REMOVE(node, sibling);
    free(node->name);
    node->name = copy;
    node->parent = parent;
    LIST_INSERT_HEAD(&parent->children, node, sibling);
    return 0;
}

static int ramfs_rename(void *object, const char *from, const char *to)
{
    struct ramfs *fs = object;
    struct node *node;
    int error;

    mutex_lock(&fs->lock);
    node = find_existing(fs, from, &error);
    if (node)
        error = node == &fs->root ? -EBUSY : move_node(fs, node, to);
    mutex_unlock(&fs->lock);
    return error;
}

static int ramfs_chmod(void *object, const char *path, mode_t mode)
{
    struct ramfs *fs = object;
    struct node *node;
    int error;

    mutex_lock(&fs->lock);
    node = find_existing(fs, path, &error);
    if (node)
        node->mode = mode & 07777;
    mutex_unlock(&fs->lock);
    return error;
}

static int ramfs_utime(void *object, const char *path, time_t modified)
{
    struct ramfs *fs = object;
    struct node *node;
    int error;

    mutex_lock(&fs->lock);
    node = find_existing(fs, path, &error);
    if (node)
        node->modified = modified;
    mutex_unlock(&fs->lock);
    return error;
}

static int ramfs_space(void *object, struct fs_space *space)
{
    struct ramfs *fs = object;

    mutex_lock(&fs->lock);
    *space = (struct fs_space){ .block_size = PAGE_SIZE, .blocks = fs->max, .bfree = fs->max - fs->used };
    mutex_unlock(&fs->lock);
    return 0;
}

static int ramfs_unmount(void *object)
{
    struct ramfs *fs = object;
    struct node *node = &fs->root;

    while (node) {
        struct node *child = LIST_FIRST(&node->children), *parent = node->parent;

        if (!child && parent)
            detach(fs, node);
        node = child ? child : parent;
    }
    free(fs);
    return 0;
}

static const struct fs_ops ramfs_ops = {
    .name = "ramfs",
    .open = ramfs_open,
    .stat = ramfs_stat,
    .list = ramfs_list,
    .mkdir = ramfs_mkdir,
    .rmdir = ramfs_rmdir,
    .unlink = ramfs_unlink,
    .rename = ramfs_rename,
    .chmod = ramfs_chmod,
    .utime = ramfs_utime,
    .space = ramfs_space,
    .unmount = ramfs_unmount,
};

int ramfs_mount(const char *path, size_t max_pages)
{
    struct ramfs *fs = calloc(1, sizeof(*fs));
    int error;

    if (!fs)
        return -ENOMEM;
    mutex_init(&fs->lock);
    LIST_INIT(&fs->root.children);
    fs->root.directory = true;
    fs->root.mode = 0777;
    fs->root.inode = ++fs->next_inode;
    fs->max = max_pages;
    error = fs_mount(path, "memory", &ramfs_ops, fs);
    if (error)
        free(fs);
    return error;
}
