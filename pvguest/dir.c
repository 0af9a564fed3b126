/* SPDX-License-Identifier: MIT */
/* POSIX's directory streams: a directory's names are all read when it is opened. */
#include "pvguest/fs.h"
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct pvguest_dir {
    struct dirent *entries;
    size_t count, space, position;
};

static int add_entry(void *context, const char *name, ino_t inode, unsigned char type)
{
    struct pvguest_dir *dir = context;
    struct dirent *entry;

    if (dir->count == dir->space) {
        size_t space = dir->space ? 2 * dir->space : 16;
        struct dirent *bigger = realloc(dir->entries, space * sizeof(*bigger));

        if (!bigger)
            return -ENOMEM;
        dir->entries = bigger;
        dir->space = space;
    }
    entry = &dir->entries[dir->count++];
    entry->d_ino = inode;
    entry->d_type = type;
    strncpy(entry->d_name, name, MAXNAMLEN);
    entry->d_name[MAXNAMLEN] = '\0';
    return 0;
}

DIR *opendir(const char *path)
{
    DIR *dir = calloc(1, sizeof(*dir));
    char rest[FS_PATH_MAX + 1];
    struct fs_mount *mount;
    int error;

    if (!dir) {
        errno = ENOMEM;
        return NULL;
    }
    mount = fs_find(path, rest, &error);
    if (mount) {
        error = fs_ops_of(mount)->list(fs_object_of(mount), rest, add_entry, dir);
        fs_put(mount);
    }
    if (!error)
        return dir;
    closedir(dir);
    errno = -error;
    return NULL;
}

struct dirent *readdir(DIR *dir)
{
    return dir->position < dir->count ? &dir->entries[dir->position++] : NULL;
}

void rewinddir(DIR *dir)
{
    dir->position = 0;
}

int closedir(DIR *dir)
{
    free(dir->entries);
    free(dir);
    return 0;
}
