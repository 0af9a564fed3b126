/* SPDX-License-Identifier: MIT */
/*
 * A read-only file system out of a ustar archive in memory: the module that the domain was started with.
 * Files are not copied. Pure logic; archive.c mounts it.
 */
#ifndef PVGUEST_TARFS_H
#define PVGUEST_TARFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tarfs_node {
    char *path; /* "/" or "/dir/name": absolute, normalised */
    const void *data;
    size_t size;
    uint32_t mode;  /* permission bits */
    uint64_t mtime; /* seconds since 1970 */
    bool directory;
};

/* Reads an archive, in place of an earlier one. Directories that it only implies are added, the root always.
 * Entries that are not files or directories are passed over. Returns the number of entries, or a negated
 * errno: -EINVAL for a broken archive, of which the part before the damage is kept; -ENOMEM. */
int tarfs_init(const void *archive, size_t length);

/* The node of an absolute or relative path (which starts at the root), or NULL. */
const struct tarfs_node *tarfs_find(const char *path);

/* The children of a directory one after the other, in the order of their names: the first after the child
 * `previous`, or the first of all after NULL. NULL at the end. */
const struct tarfs_node *tarfs_next_child(const struct tarfs_node *directory,
                                          const struct tarfs_node *previous);

/* The last part of the node's path. */
const char *tarfs_name(const struct tarfs_node *node);

#endif
