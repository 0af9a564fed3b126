/* SPDX-License-Identifier: MIT */
#include "pvguest/fs.h"
#include "pvguest/path.h"
#include "pvguest/sync.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <unistd.h>

struct fs_mount {
    TAILQ_ENTRY(fs_mount) all;
    const struct fs_ops *ops;
    void *fs;
    unsigned int references; /* open files, and calls under way */
    char *path, *source;
    size_t length; /* of the path as a prefix: 0 for the root */
};

static struct mutex lock = MUTEX_INITIALIZER(lock); /* all of the following */
/* By rising path, so that of all prefixes of a path the last one is the longest. */
static TAILQ_HEAD(, fs_mount) mounts = TAILQ_HEAD_INITIALIZER(mounts);
static char working_directory[FS_PATH_MAX + 1] = "/";

static bool is_above(const struct fs_mount *mount, const char *path)
{
    return strncmp(mount->path, path, mount->length) == 0 &&
           (path[mount->length] == '/' || path[mount->length] == '\0');
}

/* Absolute and normalised; false when it gets too long. @pre lock is held. */
static bool normalise(const char *path, char *out)
{
    size_t length = 0;

    if (*path != '/' && !path_append(out, &length, FS_PATH_MAX, working_directory, FS_PATH_MAX))
        return false;
    if (!path_append(out, &length, FS_PATH_MAX, path, strlen(path)))
        return false;
    path_end(out, length);
    return true;
}

struct fs_mount *fs_find(const char *path, char *rest, int *error)
{
    struct fs_mount *mount, *found = NULL;
    char whole[FS_PATH_MAX + 1];

    mutex_lock(&lock);
    *error = *path ? -ENAMETOOLONG : -ENOENT;
    if (*path && normalise(path, whole)) {
        *error = -ENOENT;
        TAILQ_FOREACH(mount, &mounts, all)
        if (is_above(mount, whole))
            found = mount;
    }
    if (found) {
        found->references++;
        strcpy(rest, whole[found->length] ? whole + found->length : "/");
    }
    mutex_unlock(&lock);
    return found;
}

void fs_put(struct fs_mount *mount)
{
    mutex_lock(&lock);
    mount->references--;
    mutex_unlock(&lock);
}

const struct fs_ops *fs_ops_of(const struct fs_mount *mount)
{
    return mount->ops;
}

void *fs_object_of(const struct fs_mount *mount)
{
    return mount->fs;
}

static void mount_free(struct fs_mount *mount)
{
    if (!mount)
        return;
    free(mount->path);
    free(mount->source);
    free(mount);
}

static struct fs_mount *mount_new(const char *path, const char *source, const struct fs_ops *ops, void *fs)
{
    struct fs_mount *mount = calloc(1, sizeof(*mount));

    if (!mount)
        return NULL;
    mount->ops = ops;
    mount->fs = fs;
    mount->path = strdup(path);
    mount->source = strdup(source);
    if (!mount->path || !mount->source) {
        mount_free(mount);
        return NULL;
    }
    mount->length = strcmp(path, "/") ? strlen(path) : 0;
    return mount;
}

/* Enters it at its place in the order; -EBUSY if one is there. @pre lock is held. */
static int insert(struct fs_mount *mount)
{
    struct fs_mount *other;

    TAILQ_FOREACH(other, &mounts, all)
    {
        int order = strcmp(mount->path, other->path);

        if (order == 0)
            return -EBUSY;
        if (order < 0) {
            TAILQ_INSERT_BEFORE(other, mount, all);
            return 0;
        }
    }
    TAILQ_INSERT_TAIL(&mounts, mount, all);
    return 0;
}

int fs_mount(const char *path, const char *source, const struct fs_ops *ops, void *fs)
{
    struct fs_mount *mount;
    char whole[FS_PATH_MAX + 1];
    int error = -ENAMETOOLONG;

    if (*path != '/')
        return -EINVAL;
    mutex_lock(&lock);
    if (normalise(path, whole)) {
        mount = mount_new(whole, source, ops, fs);
        error = mount ? insert(mount) : -ENOMEM;
        if (error)
            mount_free(mount);
    }
    mutex_unlock(&lock);
    return error;
}

/* The mount at exactly this path, if nothing uses it. @pre lock is held. */
static int find_idle(const char *path, struct fs_mount **found)
{
    struct fs_mount *mount;
    char whole[FS_PATH_MAX + 1];

    *found = NULL;
    if (!normalise(path, whole))
        return -ENAMETOOLONG;
    TAILQ_FOREACH(mount, &mounts, all)
    if (strcmp(mount->path, whole) == 0)
        *found = mount;
    if (!*found)
        return -EINVAL;
    TAILQ_FOREACH(mount, &mounts, all)
    if (mount != *found && is_above(*found, mount->path))
        return -EBUSY;
    return (*found)->references ? -EBUSY : 0;
}

int fs_unmount(const char *path)
{
    struct fs_mount *mount;
    int error;

    mutex_lock(&lock);
    error = find_idle(path, &mount);
    if (!error)
        TAILQ_REMOVE(&mounts, mount, all);
    mutex_unlock(&lock);
    if (error)
        return error;
    error = mount->ops->unmount ? mount->ops->unmount(mount->fs) : 0;
    mount_free(mount);
    return error;
}

/* The next mount after `mount` (the first after NULL), kept; `mount` is put. */
static struct fs_mount *next_mount(struct fs_mount *mount)
{
    struct fs_mount *next;

    mutex_lock(&lock);
    next = mount ? TAILQ_NEXT(mount, all) : TAILQ_FIRST(&mounts);
    if (next)
        next->references++;
    if (mount)
        mount->references--;
    mutex_unlock(&lock);
    return next;
}

void fs_for_each(void (*fn)(void *context, const char *path, const char *source, const struct fs_ops *ops,
                            void *fs),
                 void *context)
{
    for (struct fs_mount *mount = next_mount(NULL); mount; mount = next_mount(mount))
        fn(context, mount->path, mount->source, mount->ops, mount->fs);
}

int fs_sync(void)
{
    int first = 0;

    for (struct fs_mount *mount = next_mount(NULL); mount; mount = next_mount(mount)) {
        int error = mount->ops->sync ? mount->ops->sync(mount->fs) : 0;

        first = first ? first : error;
    }
    return first;
}

int chdir(const char *path)
{
    char whole[FS_PATH_MAX + 1];
    struct stat st;
    bool fits;

    if (stat(path, &st))
        return -1;
    if (!S_ISDIR(st.st_mode)) {
        errno = ENOTDIR;
        return -1;
    }
    mutex_lock(&lock);
    fits = normalise(path, whole);
    if (fits)
        strcpy(working_directory, whole);
    mutex_unlock(&lock);
    if (!fits)
        errno = ENAMETOOLONG;
    return fits ? 0 : -1;
}

char *getcwd(char *buf, size_t size)
{
    char *copy = NULL;

    mutex_lock(&lock);
    if (!buf)
        copy = strdup(working_directory);
    else if (size > strlen(working_directory))
        copy = strcpy(buf, working_directory);
    mutex_unlock(&lock);
    if (!copy)
        errno = buf ? ERANGE : ENOMEM;
    return copy;
}
