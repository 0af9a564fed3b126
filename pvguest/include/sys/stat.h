/* SPDX-License-Identifier: MIT */
/* newlib's <sys/stat.h> and what it declares for other systems only. */
#ifndef PVGUEST_SYS_STAT_H
#define PVGUEST_SYS_STAT_H

#include_next <sys/stat.h>

struct stat;

/* The file systems follow symbolic links, so this is stat(). */
int lstat(const char *path, struct stat *st);

#endif
