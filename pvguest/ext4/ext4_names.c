/* SPDX-License-Identifier: MIT */
/*
 * Names: looking up, making, moving and removing them. A new inode is complete on the device before its name
 * is, and a name goes before its inode does, so that a domain's sudden end leaves no name without an inode.
 */
#include "pvguest/ext4/ext4_internal.h"
#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

int ext4_lookup(struct ext4 *ext4, const char *path, ext2_ino_t *ino)
{
    return ext4_errno(ext2fs_namei_follow(ext4->fs, EXT2_ROOT_INO, EXT2_ROOT_INO, path, ino));
}

/* The directory that has the path's last part, and that part. The root has neither: -EBUSY. */
static int lookup_parent(struct ext4 *ext4, const char *path, ext2_ino_t *parent, const char **name)
{
    char directory[FS_PATH_MAX + 1];
    size_t length = (size_t)(strrchr(path, '/') - path);
    struct ext2_inode inode;
    int error;

    *name = path + length + 1;
    if (!**name)
        return -EBUSY;
    if (strlen(*name) > EXT2_NAME_LEN)
        return -ENAMETOOLONG;
    memcpy(directory, path, length);
    strcpy(directory + length, length ? "" : "/");
    error = ext4_lookup(ext4, directory, parent);
    if (!error)
        error = ext4_errno(ext2fs_read_inode(ext4->fs, *parent, &inode));
    return error ? error : LINUX_S_ISDIR(inode.i_mode) ? 0 : -ENOTDIR;
}

/* The inode of a name, which is not followed if it is a link. */
static int lookup_name(struct ext4 *ext4, ext2_ino_t parent, const char *name, ext2_ino_t *ino,
                       struct ext2_inode *inode)
{
    errcode_t error = ext2fs_lookup(ext4->fs, parent, name, (int)strlen(name), NULL, ino);

    return ext4_errno(error ? error : ext2fs_read_inode(ext4->fs, *ino, inode));
}

static int touch_directory(struct ext4 *ext4, ext2_ino_t directory, int links)
{
    struct ext2_inode inode;
    errcode_t error = ext2fs_read_inode(ext4->fs, directory, &inode);

    if (error)
        return ext4_errno(error);
    inode.i_mtime = inode.i_ctime = ext4_now();
    inode.i_links_count = (__u16)(inode.i_links_count + links);
    return ext4_errno(ext2fs_write_inode(ext4->fs, directory, &inode));
}

static int add_name(struct ext4 *ext4, ext2_ino_t parent, const char *name, ext2_ino_t ino, int type)
{
    errcode_t error = ext2fs_link(ext4->fs, parent, name, ino, type);

    if (error == EXT2_ET_DIR_NO_SPACE) {
        error = ext2fs_expand_dir(ext4->fs, parent);
        if (!error)
            error = ext2fs_link(ext4->fs, parent, name, ino, type);
    }
    return ext4_errno(error);
}

static int remove_name(struct ext4 *ext4, ext2_ino_t parent, const char *name)
{
    return ext4_errno(ext2fs_unlink(ext4->fs, parent, name, 0, 0));
}

/*
 * New inodes may lie where the group descriptors say that none was ever used, and there ext4_recount() does
 * not look: so the descriptors go to the device first, when they have changed in this.
 */
static int write_descriptors(struct ext4 *ext4)
{
    return ext4_errno(ext2fs_flush(ext4->fs));
}

/* What a group's descriptor says of inodes never used. */
static uint64_t unused_inodes(struct ext4 *ext4, ext2_ino_t ino)
{
    dgrp_t group = ext2fs_group_of_ino(ext4->fs, ino);

    return (uint64_t)ext2fs_bg_flags_test(ext4->fs, group, EXT2_BG_INODE_UNINIT) << 32 |
           ext2fs_bg_itable_unused(ext4->fs, group);
}

static int make_inode(struct ext4 *ext4, ext2_ino_t parent, mode_t mode, ext2_ino_t *ino)
{
    struct ext2_inode_large large = { 0 };
    struct ext2_inode *inode = (struct ext2_inode *)&large;
    ext2_extent_handle_t handle;
    errcode_t error = ext2fs_new_inode(ext4->fs, parent, LINUX_S_IFREG, NULL, ino);
    uint64_t unused;
    int result = ext4_errno(error);

    if (error)
        return result;
    unused = unused_inodes(ext4, *ino);
    ext2fs_inode_alloc_stats2(ext4->fs, *ino, 1, 0);
    if (unused_inodes(ext4, *ino) != unused)
        result = write_descriptors(ext4);
    large.i_mode = (__u16)(LINUX_S_IFREG | (mode & 07777));
    large.i_links_count = 1;
    large.i_atime = large.i_ctime = large.i_mtime = large.i_crtime = ext4_now();
    if (EXT2_INODE_SIZE(ext4->fs->super) > EXT2_GOOD_OLD_INODE_SIZE)
        large.i_extra_isize = sizeof(large) - EXT2_GOOD_OLD_INODE_SIZE;
    if (!result && ext2fs_has_feature_extents(ext4->fs->super)) {
        error = ext2fs_extent_open2(ext4->fs, *ino, inode, &handle); /* writes an empty root into the inode */
        if (!error)
            ext2fs_extent_free(handle);
        result = ext4_errno(error);
    }
    if (!result)
        result = ext4_errno(ext2fs_write_new_inode(ext4->fs, *ino, inode));
    if (!result)
        result = ext4_errno(ext2fs_write_inode_full(ext4->fs, *ino, inode, sizeof(large)));
    if (result)
        ext2fs_inode_alloc_stats2(ext4->fs, *ino, -1, 0);
    return result;
}

int ext4_create(struct ext4 *ext4, const char *path, mode_t mode, ext2_ino_t *ino)
{
    const char *name;
    ext2_ino_t parent;
    int error = lookup_parent(ext4, path, &parent, &name);

    if (!error)
        error = make_inode(ext4, parent, mode, ino);
    if (error)
        return error;
    error = add_name(ext4, parent, name, *ino, EXT2_FT_REG_FILE);
    if (error) {
        ext4_forget_inode(ext4, *ino);
        return error;
    }
    return touch_directory(ext4, parent, 0);
}

static int make_directory(struct ext4 *ext4, const char *path, mode_t mode)
{
    struct ext2_inode inode;
    ext2_ino_t parent, ino;
    const char *name;
    errcode_t error;
    int result = lookup_parent(ext4, path, &parent, &name);

    if (result)
        return result == -EBUSY ? -EEXIST : result;
    if (!ext2fs_lookup(ext4->fs, parent, name, (int)strlen(name), NULL, &ino))
        return -EEXIST;
    error = ext2fs_mkdir(ext4->fs, parent, 0, name);
    if (error == EXT2_ET_DIR_NO_SPACE) {
        error = ext2fs_expand_dir(ext4->fs, parent);
        if (!error)
            error = ext2fs_mkdir(ext4->fs, parent, 0, name);
    }
    result = ext4_errno(error);
    if (!result)
        result = write_descriptors(ext4);
    if (!result)
        result = lookup_name(ext4, parent, name, &ino, &inode);
    if (result)
        return result;
    inode.i_mode = (__u16)(LINUX_S_IFDIR | (mode & 07777));
    inode.i_atime = inode.i_ctime = inode.i_mtime = ext4_now();
    result = ext4_errno(ext2fs_write_inode(ext4->fs, ino, &inode));
    return result ? result : touch_directory(ext4, parent, 0);
}

int ext4_mkdir(void *object, const char *path, mode_t mode)
{
    struct ext4 *ext4 = object;
    int error;

    mutex_lock(&ext4->lock);
    error = make_directory(ext4, path, mode);
    return ext4_end_change(ext4, error);
}

struct listing {
    fs_entry_fn entry;
    void *context;
    int error;
};

static int list_entry(struct ext2_dir_entry *dirent, int offset, int size, char *buf, void *context)
{
    static const unsigned char types[] = {
        [EXT2_FT_REG_FILE] = DT_REG, [EXT2_FT_DIR] = DT_DIR, [EXT2_FT_SYMLINK] = DT_LNK
    };
    struct listing *listing = context;
    unsigned int length = (unsigned int)ext2fs_dirent_name_len(dirent),
                 type = (unsigned int)ext2fs_dirent_file_type(dirent);
    char name[EXT2_NAME_LEN + 1];

    (void)offset, (void)size, (void)buf;
    memcpy(name, dirent->name, length);
    name[length] = '\0';
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return 0;
    listing->error = listing->entry(listing->context, name, (ino_t)dirent->inode,
                                    type < sizeof(types) ? types[type] : DT_UNKNOWN);
    return listing->error ? DIRENT_ABORT : 0;
}

int ext4_list(void *object, const char *path, fs_entry_fn entry, void *context)
{
    struct ext4 *ext4 = object;
    struct listing listing = { entry, context, 0 };
    ext2_ino_t ino;
    int error;

    mutex_lock(&ext4->lock);
    error = ext4_lookup(ext4, path, &ino);
    if (!error)
        error = ext4_errno(ext2fs_dir_iterate(ext4->fs, ino, 0, NULL, list_entry, &listing));
    mutex_unlock(&ext4->lock);
    return error ? error : listing.error;
}

static int find_content(struct ext2_dir_entry *dirent, int offset, int size, char *buf, void *context)
{
    unsigned int length = (unsigned int)ext2fs_dirent_name_len(dirent);

    (void)offset, (void)size, (void)buf;
    if ((length == 1 && dirent->name[0] == '.') ||
        (length == 2 && dirent->name[0] == '.' && dirent->name[1] == '.'))
        return 0;
    *(bool *)context = false;
    return DIRENT_ABORT;
}

static int check_empty(struct ext4 *ext4, ext2_ino_t ino)
{
    bool empty = true;
    errcode_t error = ext2fs_dir_iterate(ext4->fs, ino, 0, NULL, find_content, &empty);

    return error ? ext4_errno(error) : empty ? 0 : -ENOTEMPTY;
}

/* One name less for a file that is no directory; with the last one it ends. */
static int drop_link(struct ext4 *ext4, ext2_ino_t ino, struct ext2_inode *inode)
{
    int error;

    if (inode->i_links_count > 0)
        inode->i_links_count--;
    inode->i_ctime = ext4_now();
    error = ext4_errno(ext2fs_write_inode(ext4->fs, ino, inode));
    return error || inode->i_links_count ? error : ext4_forget_inode(ext4, ino);
}

/* Takes a name away with what it stands for; an empty directory too. */
static int remove_entry(struct ext4 *ext4, ext2_ino_t parent, const char *name, ext2_ino_t ino,
                        struct ext2_inode *inode)
{
    bool directory = LINUX_S_ISDIR(inode->i_mode);
    int error = directory ? check_empty(ext4, ino) : 0;

    if (!error)
        error = remove_name(ext4, parent, name);
    if (!error)
        error = directory ? ext4_forget_inode(ext4, ino) : drop_link(ext4, ino, inode);
    return error ? error : touch_directory(ext4, parent, directory ? -1 : 0);
}

static int remove_path(struct ext4 *ext4, const char *path, bool directory)
{
    struct ext2_inode inode;
    ext2_ino_t parent, ino;
    const char *name;
    int error;

    mutex_lock(&ext4->lock);
    error = lookup_parent(ext4, path, &parent, &name);
    if (!error)
        error = lookup_name(ext4, parent, name, &ino, &inode);
    if (!error && (bool)LINUX_S_ISDIR(inode.i_mode) != directory)
        error = directory ? -ENOTDIR : -EISDIR;
    if (!error)
        error = remove_entry(ext4, parent, name, ino, &inode);
    return ext4_end_change(ext4, error);
}

int ext4_unlink(void *ext4, const char *path)
{
    return remove_path(ext4, path, false);
}

int ext4_rmdir(void *ext4, const char *path)
{
    return remove_path(ext4, path, true);
}

static int set_parent(struct ext2_dir_entry *dirent, int offset, int size, char *buf, void *context)
{
    (void)offset, (void)size, (void)buf;
    if (ext2fs_dirent_name_len(dirent) != 2 || dirent->name[0] != '.' || dirent->name[1] != '.')
        return 0;
    dirent->inode = *(ext2_ino_t *)context;
    return DIRENT_CHANGED | DIRENT_ABORT;
}

struct name {
    ext2_ino_t parent, ino;
    const char *name;
    struct ext2_inode inode;
};

/* What is at the new name goes, if it may be replaced. */
static int clear_target(struct ext4 *ext4, struct name *from, struct name *to)
{
    bool directory = LINUX_S_ISDIR(from->inode.i_mode), target = LINUX_S_ISDIR(to->inode.i_mode);

    if (directory != target)
        return target ? -EISDIR : -ENOTDIR;
    return remove_entry(ext4, to->parent, to->name, to->ino, &to->inode);
}

static int type_of(const struct ext2_inode *inode)
{
    return LINUX_S_ISDIR(inode->i_mode)   ? EXT2_FT_DIR
           : LINUX_S_ISLNK(inode->i_mode) ? EXT2_FT_SYMLINK
                                          : EXT2_FT_REG_FILE;
}

static int move_entry(struct ext4 *ext4, struct name *from, struct name *to)
{
    bool directory = LINUX_S_ISDIR(from->inode.i_mode);
    int error = lookup_name(ext4, to->parent, to->name, &to->ino, &to->inode);

    if (!error && to->ino == from->ino)
        return 0;
    if (!error)
        error = clear_target(ext4, from, to);
    else if (error == -ENOENT)
        error = 0;
    if (!error)
        error = add_name(ext4, to->parent, to->name, from->ino, type_of(&from->inode));
    if (!error)
        error = remove_name(ext4, from->parent, from->name);
    if (!error && directory && from->parent != to->parent)
        error = ext4_errno(ext2fs_dir_iterate(ext4->fs, from->ino, DIRENT_FLAG_INCLUDE_EMPTY, NULL,
                                              set_parent, &to->parent));
    if (!error)
        error = touch_directory(ext4, from->parent, directory ? -1 : 0);
    return error ? error : touch_directory(ext4, to->parent, directory ? 1 : 0);
}

int ext4_rename(void *object, const char *from_path, const char *to_path)
{
    struct ext4 *ext4 = object;
    struct name from, to;
    size_t length = strlen(from_path);
    int error;

    /* Paths are normalised, so that this is how a directory inside itself looks. */
    if (strncmp(from_path, to_path, length) == 0 && to_path[length] == '/')
        return -EINVAL;
    mutex_lock(&ext4->lock);
    error = lookup_parent(ext4, from_path, &from.parent, &from.name);
    if (!error)
        error = lookup_name(ext4, from.parent, from.name, &from.ino, &from.inode);
    if (!error)
        error = lookup_parent(ext4, to_path, &to.parent, &to.name);
    if (!error)
        error = move_entry(ext4, &from, &to);
    return ext4_end_change(ext4, error);
}

static int add_link(struct ext4 *ext4, const char *from, const char *to)
{
    struct ext2_inode inode;
    ext2_ino_t ino, parent, existing;
    const char *name;
    int error = ext4_lookup(ext4, from, &ino);

    if (!error)
        error = ext4_errno(ext2fs_read_inode(ext4->fs, ino, &inode));
    if (!error)
        error = lookup_parent(ext4, to, &parent, &name);
    if (error)
        return error;
    if (LINUX_S_ISDIR(inode.i_mode))
        return -EPERM;
    if (!ext2fs_lookup(ext4->fs, parent, name, (int)strlen(name), NULL, &existing))
        return -EEXIST;
    if (inode.i_links_count >= EXT2_LINK_MAX)
        return -EMLINK;
    inode.i_links_count++;
    inode.i_ctime = ext4_now();
    error = ext4_errno(ext2fs_write_inode(ext4->fs, ino, &inode));
    if (!error)
        error = add_name(ext4, parent, name, ino, type_of(&inode));
    return error ? error : touch_directory(ext4, parent, 0);
}

int ext4_link(void *object, const char *from, const char *to)
{
    struct ext4 *ext4 = object;
    int error;

    mutex_lock(&ext4->lock);
    error = add_link(ext4, from, to);
    return ext4_end_change(ext4, error);
}

int ext4_stat(void *object, const char *path, struct stat *st)
{
    struct ext4 *ext4 = object;
    struct ext2_inode inode;
    ext2_ino_t ino;
    int error;

    mutex_lock(&ext4->lock);
    error = ext4_lookup(ext4, path, &ino);
    if (!error)
        error = ext4_errno(ext2fs_read_inode(ext4->fs, ino, &inode));
    if (!error)
        ext4_fill_stat(&inode, ino, ext4->fs->blocksize, st);
    mutex_unlock(&ext4->lock);
    return error;
}

/* Changes the mode where mode_mask has bits, and the times. */
static int change_inode(struct ext4 *ext4, const char *path, __u16 mode_mask, mode_t mode, uint32_t modified)
{
    struct ext2_inode inode;
    ext2_ino_t ino;
    int error;

    mutex_lock(&ext4->lock);
    error = ext4_lookup(ext4, path, &ino);
    if (!error)
        error = ext4_errno(ext2fs_read_inode(ext4->fs, ino, &inode));
    if (!error) {
        inode.i_mode = (__u16)((inode.i_mode & ~mode_mask) | (mode & mode_mask));
        inode.i_mtime = modified ? modified : inode.i_mtime;
        inode.i_ctime = ext4_now();
        error = ext4_errno(ext2fs_write_inode(ext4->fs, ino, &inode));
    }
    return ext4_end_change(ext4, error);
}

int ext4_chmod(void *ext4, const char *path, mode_t mode)
{
    return change_inode(ext4, path, 07777, mode, 0);
}

int ext4_utime(void *ext4, const char *path, time_t modified)
{
    return change_inode(ext4, path, 0, 0, (uint32_t)modified);
}
