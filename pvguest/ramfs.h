/* SPDX-License-Identifier: MIT */
/* A file system in memory: what is written is gone with the domain. */
#ifndef PVGUEST_RAMFS_H
#define PVGUEST_RAMFS_H

#include <stddef.h>

/* Mounts an empty one whose files take at most max_pages pages. 0, or fs_mount()'s error, or -ENOMEM. */
int ramfs_mount(const char *path, size_t max_pages);

#endif
