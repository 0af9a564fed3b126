/* SPDX-License-Identifier: MIT */
/*
 * dom0's block devices by name: "vda", "vda1", "nvme0n1", "nvme0n1p2". Drivers register whole disks; the
 * partitions of a disk's GPT come by themselves. Threads only.
 */
#ifndef DOM0_BLOCK_REGISTRY_H
#define DOM0_BLOCK_REGISTRY_H

#include "pvguest/block.h"

/* Makes a disk known, whose driver has filled in its fields, and looks for its partitions. It stays for ever.
 */
void block_register(struct block_device *disk);

/*
 * Opens a device. One that is written to has one user only, and whole disks and their partitions count as
 * parts of each other; `shared` waives that (the caller knows what the others do). 0, ENODEV, EROFS or EBUSY.
 */
int block_open(const char *name, bool write, bool shared, struct block_device **device);

/* With what was given to block_open(). */
void block_close(struct block_device *device, bool write);

/* Calls fn for each device in the order of registration, partitions behind their disk, until it returns
 * false. */
void block_for_each(bool (*fn)(const struct block_device *device, unsigned users, void *arg), void *arg);

#endif
