/* SPDX-License-Identifier: MIT */
/* mount, umount and df: file systems on dom0's block devices. */
#ifndef DOM0_MOUNT_MOUNT_COMMANDS_H
#define DOM0_MOUNT_MOUNT_COMMANDS_H

#include <stdbool.h>
#include <stddef.h>

#include "dom0_tools/shell/command.h"

extern const struct command mount_commands[];
extern const size_t mount_nr_commands;

/* Mounts the file system of the block device called `device` at `path`. 0 or an errno: those of block_open()
 * and ext4_mount(). mount_remove() takes it away again; the errors are fs_unmount()'s, positive. */
int mount_add(const char *device, const char *path, bool read_only);
int mount_remove(const char *path);

/* What is wrong, in words, for an errno of mount_add(). */
const char *mount_strerror(int error);

#endif
