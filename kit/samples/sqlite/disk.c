/* SPDX-License-Identifier: MIT */
/* Before main(), the ext4 file system of the disk that DISK=xvda on the command line names is mounted at
 * /data. */
#include "pvguest/ext4/ext4.h"
#include "pvguest/fs.h"
#include "pvguest/time.h"
#include "split_drivers/blkfront.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATIENCE (30 * NSEC_PER_SEC)

static void unmount(void)
{
    int error = fs_unmount("/data");

    if (error == -EBUSY) /* the shell has left the database open */
        error = fs_sync();
    if (error)
        fprintf(stderr, "unmounting /data: %s\n", strerror(-error));
}

__attribute__((constructor)) static void mount(void)
{
    static struct blockdev dev;
    const char *name = getenv("DISK");
    struct block_device *device;
    int error;

    if (!name)
        return;
    error = blkfront_open(name, time_ns() + PATIENCE, &device);
    if (error) {
        fprintf(stderr, "disk %s: %s\n", name, strerror(error));
        exit(1);
    }
    block_as_blockdev(device, &dev);
    error = ext4_mount("/data", &dev, false);
    if (error) {
        fprintf(stderr, "disk %s: cannot be mounted: %s\n", name, strerror(-error));
        exit(1);
    }
    atexit(unmount);
}
