/* SPDX-License-Identifier: MIT */
/*
 * A driver domain: the backend of other domains' disks and vifs, which runs outside dom0 with the same code.
 * What it serves is the disk `ram`, RAM=MIB large and empty at each start, with DISK=xvda the image files in
 * the root of its own disk's ext4 file system, by name, and with NET=192.168.78.0 a network (network.h). It
 * ends when xl shutdown asks for it: what was written is on its disk then, and the frontends have been told.
 */
#include "network.h"
#include "pvguest/ext4/ext4.h"
#include "pvguest/file_disk.h"
#include "pvguest/fs.h"
#include "pvguest/time.h"
#include "split_drivers/backend_bus.h"
#include "split_drivers/blkback.h"
#include "split_drivers/blkfront.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATIENCE   (30 * NSEC_PER_SEC) /* with our own disk's backend */
#define FAREWELL   (10 * NSEC_PER_SEC) /* for frontends to close */
#define RAM_PATH   "/tmp/ram"
#define PATH_SIZE  128
#define MAX_IN_USE 64
#define REQUEST    "control/shutdown" /* xenstore-paths(7): what the toolstack wants of this domain */
#define MEGABYTE   (1UL << 20)

/* ---- what is served; all of it in the backend's thread ---- */

/* The images in use. Of one that somebody writes to there is no other user. */
static struct image {
    struct block_device *device; /* NULL: a free slot */
    char path[PATH_SIZE];
    bool write;
} images[MAX_IN_USE];

static struct image *free_slot(void)
{
    for (size_t i = 0; i < MAX_IN_USE; i++)
        if (!images[i].device)
            return &images[i];
    return NULL;
}

static bool is_busy(const char *path, bool write)
{
    for (size_t i = 0; i < MAX_IN_USE; i++)
        if (images[i].device && strcmp(images[i].path, path) == 0 && (write || images[i].write))
            return true;
    return false;
}

/* A name of the toolstack's as a path; false when it is not the name of a file in the root folder. */
static bool image_path(const char *target, char *path, size_t size)
{
    const char *name = strncmp(target, "/dev/", 5) == 0 ? target + 5 : target;

    if (strcmp(name, "ram") == 0)
        return (size_t)snprintf(path, size, "%s", RAM_PATH) < size;
    return *name && *name != '.' && !strchr(name, '/') &&
           (size_t)snprintf(path, size, "/data/%s", name) < size;
}

static struct block_device *open_image(const char *type, const char *target, bool write, int *error)
{
    struct image *slot = free_slot();
    char path[PATH_SIZE];

    (void)type;
    *error = ENODEV;
    if (!image_path(target, path, sizeof(path)))
        return NULL;
    *error = EBUSY;
    if (!slot || is_busy(path, write))
        return NULL;
    slot->device = file_disk_open(path, write, error);
    slot->write = write;
    strcpy(slot->path, path);
    return slot->device;
}

static void close_image(struct block_device *device, bool write)
{
    (void)write;
    for (size_t i = 0; i < MAX_IN_USE; i++)
        if (images[i].device == device)
            images[i].device = NULL;
    file_disk_close(device);
}

/* ---- the domain ---- */

static int make_ram(const char *mebibytes)
{
    unsigned long size = strtoul(mebibytes, NULL, 10) * MEGABYTE;
    int fd = open(RAM_PATH, O_RDWR | O_CREAT, 0600), error = 0;

    if (fd < 0)
        return errno;
    if (!size || ftruncate(fd, (off_t)size))
        error = size ? errno : EINVAL;
    close(fd);
    return error;
}

static int mount_disk(const char *name)
{
    static struct blockdev dev;
    struct block_device *device;
    int error = blkfront_open(name, time_ns() + PATIENCE, &device);

    if (error)
        return error;
    block_as_blockdev(device, &dev);
    return -ext4_mount("/data", &dev, false);
}

/* Returns when the toolstack wants the domain to end. */
static int wait_for_the_end(void)
{
    struct xs_handle *xs = xs_open(0);

    if (!xs || !xs_watch(xs, REQUEST, ""))
        return errno;
    for (;;) {
        unsigned int words;
        char **event = xs_read_watch(xs, &words);
        char *wish = xs_read(xs, XBT_NULL, REQUEST, NULL);
        bool end = wish && *wish;

        free(event);
        free(wish);
        if (end)
            return xs_write(xs, XBT_NULL, REQUEST, "", 0) ? 0 : errno;
    }
}

static int fail(const char *what, int error)
{
    fprintf(stderr, "driver: %s: %s\n", what, strerror(error));
    return 1;
}

int main(void)
{
    static const struct blkback_source source = { .open = open_image, .close = close_image };
    const char *ram = getenv("RAM"), *disk = getenv("DISK"), *network = getenv("NET");
    int error = ram ? make_ram(ram) : 0;

    if (error)
        return fail("RAM", error);
    error = disk ? mount_disk(disk) : 0;
    if (error)
        return fail("DISK", error);
    error = blkback_start(&source, false);
    if (error)
        return fail("no backend", error);
    error = network ? network_serve(network) : 0;
    if (error)
        return fail("NET", error);
    printf("driver: ready\n");
    error = wait_for_the_end();
    if (error)
        return fail(REQUEST, error);
    error = backend_bus_stop(time_ns() + FAREWELL);
    if (error)
        fprintf(stderr, "driver: a frontend has not let go: %s\n", strerror(error));
    error = disk ? -fs_sync() : 0;
    if (error)
        return fail("what was written is not on the disk", error);
    printf("driver: ended\n");
    return 0;
}
