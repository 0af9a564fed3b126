/* SPDX-License-Identifier: MIT */
#include "dom0_tools/block/backing.h"
#include "dom0_tools/block/registry.h"
#include "pvguest/file_disk.h"
#include "split_drivers/blkback.h"

#include <stdlib.h>
#include <string.h>

static struct block_device *open_backing(const char *type, const char *params, bool write, int *error)
{
    struct block_device *device = NULL;

    if (strcmp(type, "file") == 0)
        return file_disk_open(params, write, error);
    *error = block_open(params, write, false, &device);
    return device;
}

static void close_backing(struct block_device *device, bool write)
{
    if (file_disk_is(device))
        file_disk_close(device);
    else
        block_close(device, write);
}

int block_start_backends(void)
{
    static const struct blkback_source source = { .open = open_backing, .close = close_backing };

    const char *persistent = getenv("BLKBACK_PERSISTENT");

    return blkback_start(&source, persistent != NULL && strcmp(persistent, "1") == 0);
}
