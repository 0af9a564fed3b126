/* SPDX-License-Identifier: MIT */
/*
 * The string routines of C that the hypervisor uses, with C's own prototypes and meaning, so that host builds
 * of the same sources link with the host's libc instead of string.c.
 */
#ifndef HV_LIB_STRING_H
#define HV_LIB_STRING_H

#include <stddef.h>

void *memcpy(void *restrict dst, const void *restrict src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
void *memchr(const void *s, int c, size_t n);

size_t strlen(const char *s);
size_t strnlen(const char *s, size_t n);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
char *strchr(const char *s, int c);
char *strrchr(const char *s, int c);
char *strstr(const char *s, const char *needle);

/*
 * Copies src into dst[size], always terminated when size > 0, cut if it must be. Returns strlen(src): the
 * copy was cut if that is >= size. In a file of its own (strlcpy.c), because not every host libc has it.
 */
size_t strlcpy(char *restrict dst, const char *restrict src, size_t size);

#endif
