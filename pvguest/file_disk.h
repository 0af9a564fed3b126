/* SPDX-License-Identifier: MIT */
/* A raw image in a file as a disk, with a thread of its own for its requests. Threads only. */
#ifndef PVGUEST_FILE_DISK_H
#define PVGUEST_FILE_DISK_H

#include "pvguest/block.h"

/* NULL with *error an errno: EINVAL for what is no regular file or no whole sectors. */
struct block_device *file_disk_open(const char *path, bool write, int *error);

/* Nothing is under way any more. */
void file_disk_close(struct block_device *device);

/* Whether the device is one of these. */
bool file_disk_is(const struct block_device *device);

#endif
