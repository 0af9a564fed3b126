/* SPDX-License-Identifier: MIT */
#include "dom0_tools/mount/mount_commands.h"
#include "dom0_tools/block/registry.h"
#include "pvguest/ext4/ext4.h"
#include "pvguest/fs.h"
#include "pvguest/sync.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

/* A device that is in use as a file system. */
struct mounted {
    LIST_ENTRY(mounted) all;
    char *path;
    bool read_only;
    struct block_device *device;
    struct blockdev blockdev;
};

static struct mutex lock = MUTEX_INITIALIZER(lock);
static LIST_HEAD(, mounted) all = LIST_HEAD_INITIALIZER(all); /* lock */

static void mounted_free(struct mounted *mounted)
{
    if (mounted->device)
        block_close(mounted->device, !mounted->read_only);
    free(mounted->path);
    free(mounted);
}

int mount_add(const char *device, const char *path, bool read_only)
{
    struct mounted *mounted = calloc(1, sizeof(*mounted));
    int error;

    if (!mounted)
        return ENOMEM;
    mounted->read_only = read_only;
    mounted->path = strdup(path);
    error = mounted->path ? block_open(device, !read_only, false, &mounted->device) : ENOMEM;
    if (!error) {
        block_as_blockdev(mounted->device, &mounted->blockdev);
        error = -ext4_mount(path, &mounted->blockdev, read_only);
    }
    if (error) {
        mounted_free(mounted);
        return error;
    }
    mutex_lock(&lock);
    LIST_INSERT_HEAD(&all, mounted, all);
    mutex_unlock(&lock);
    return 0;
}

int mount_remove(const char *path)
{
    struct mounted *mounted;
    int error = -fs_unmount(path);

    if (error == EINVAL || error == EBUSY || error == ENAMETOOLONG)
        return error;
    mutex_lock(&lock);
    LIST_FOREACH(mounted, &all, all)
    if (strcmp(mounted->path, path) == 0)
        break;
    if (mounted)
        LIST_REMOVE(mounted, all);
    mutex_unlock(&lock);
    if (mounted)
        mounted_free(mounted);
    return error;
}

const char *mount_strerror(int error)
{
    switch (error) {
    case EINVAL:
        return "there is no ext2, ext3 or ext4 file system on it";
    case EBADMSG:
        return "it was not left in order: run e2fsck on it, or mount it once in Linux to replay its journal";
    case EOPNOTSUPP:
        return "it uses features that are not known here (inline_data, bigalloc, encrypt)";
    case EROFS:
        return "the device is read-only: mount -r";
    case EBUSY:
        return "the device, or the directory, is in use";
    case ENODEV:
        return "no such block device (lsblk lists them)";
    default:
        return strerror(error);
    }
}

static void print_mount(void *context, const char *path, const char *source, const struct fs_ops *ops,
                        void *fs)
{
    (void)context, (void)fs;
    printf("%s on %s type %s (%s)\n", source, path, ops->name, ops->unlink ? "rw" : "ro");
}

/* Absolute, without a slash at its end: as the mount table has it. */
static bool good_directory(const char *path)
{
    size_t length = strlen(path);

    if (*path == '/' && length > 1 && path[length - 1] != '/' && !strstr(path, "//") && !strstr(path, "/."))
        return true;
    fprintf(stderr, "mount: '%s' is no absolute directory name\n", path);
    return false;
}

static int run_mount(int argc, char **argv)
{
    bool read_only = false;
    int c, error;

    while ((c = getopt(argc, argv, "r")) != -1) {
        if (c == '?')
            return COMMAND_USAGE;
        read_only = true;
    }
    if (optind == argc) {
        fs_for_each(print_mount, NULL);
        return COMMAND_OK;
    }
    if (argc - optind != 2) {
        fprintf(stderr, "mount: a device and a directory are wanted\n");
        return COMMAND_USAGE;
    }
    if (!good_directory(argv[optind + 1]))
        return COMMAND_FAIL;
    error = mount_add(argv[optind], argv[optind + 1], read_only);
    if (error)
        fprintf(stderr, "mount: %s: %s\n", argv[optind], mount_strerror(error));
    return error ? COMMAND_FAIL : COMMAND_OK;
}

static int run_umount(int argc, char **argv)
{
    int error;

    if (argc != 2) {
        fprintf(stderr, "umount: a directory is wanted\n");
        return COMMAND_USAGE;
    }
    error = mount_remove(argv[1]);
    if (error)
        fprintf(stderr, "umount: %s: %s\n", argv[1],
                error == EINVAL  ? "nothing is mounted there"
                : error == EBUSY ? "files are open, or something is mounted below"
                                 : strerror(error));
    return error ? COMMAND_FAIL : COMMAND_OK;
}

static void print_space(void *context, const char *path, const char *source, const struct fs_ops *ops,
                        void *fs)
{
    struct fs_space space;
    uint64_t total, used;

    (void)context;
    if (!ops->space || ops->space(fs, &space) != 0)
        return;
    total = space.blocks * space.block_size / 1024;
    used = (space.blocks - space.bfree) * space.block_size / 1024;
    printf("%-12s %12" PRIu64 " %12" PRIu64 " %12" PRIu64 " %3u%% %s\n", source, total, used, total - used,
           total ? (unsigned int)(used * 100 / total) : 0, path);
}

static int run_df(int argc, char **argv)
{
    if (argc > 1) {
        fprintf(stderr, "df: '%s' is one argument too many\n", argv[1]);
        return COMMAND_USAGE;
    }
    printf("%-12s %12s %12s %12s %4s %s\n", "Filesystem", "1K-blocks", "Used", "Available", "Use%",
           "Mounted on");
    fs_for_each(print_space, NULL);
    return COMMAND_OK;
}

static bool add_device(const struct block_device *device, unsigned int users, void *list)
{
    (void)users;
    completions_add(list, device->name);
    return true;
}

static void complete_device(const char *word, struct completions *list)
{
    (void)word;
    block_for_each(add_device, list);
}

const struct command mount_commands[] = {
    { .name = "mount",
      .arguments = "[-r] [DEVICE DIRECTORY]",
      .summary = "make the ext2, ext3 or ext4 file system of a block device part of the tree",
      .options = "  -r  read-only\n"
                 "Without arguments: list what is mounted. The directory need not exist.\n",
      .run = run_mount,
      .complete = complete_device },
    { .name = "umount",
      .arguments = "DIRECTORY",
      .summary = "write a file system back and take it away",
      .run = run_umount },
    { .name = "df", .arguments = "", .summary = "list the space of file systems", .run = run_df },
};
const size_t mount_nr_commands = sizeof(mount_commands) / sizeof(mount_commands[0]);
