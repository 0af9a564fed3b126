/* SPDX-License-Identifier: MIT */
/* Paths as text: made absolute and free of ".", ".." and empty parts, without asking a file system. */
#ifndef PVGUEST_PATH_H
#define PVGUEST_PATH_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Appends at most size characters of a path (up to its NUL) to a normalised one: "" for the root, "/dir/name"
 * else. `out` has room for max characters and a NUL, which is not written; *length is its length. False if
 * the result would be longer.
 */
bool path_append(char *out, size_t *length, size_t max, const char *path, size_t size);

/* Ends what path_append() has made with a NUL, the root as "/". */
void path_end(char *out, size_t length);

#endif
