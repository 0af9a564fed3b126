/* SPDX-License-Identifier: MIT */
/* What newlib has under other names only. */
#ifndef PVGUEST_STDIO_H
#define PVGUEST_STDIO_H

#include_next <stdio.h>
#include <sys/reent.h>
#include <sys/types.h>

ssize_t getdelim(char **line, size_t *size, int delimiter, __FILE *stream);
ssize_t getline(char **line, size_t *size, __FILE *stream);

#endif
