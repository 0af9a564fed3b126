/* SPDX-License-Identifier: MIT */
/* Formatted output to whichever console the domain has, and the few string routines that gcc may call. */
#ifndef GUESTS_PRINT_H
#define GUESTS_PRINT_H

#include <stdarg.h>
#include <stddef.h>

/* %d %u %x %c %s %p with l, zero padding and width. Output beyond the size is cut; returns the length without
 * NUL. */
size_t format(char *buf, size_t size, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
size_t vformat(char *buf, size_t size, const char *fmt, va_list args);
void print(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

void *memset(void *dst, int byte, size_t size);
void *memcpy(void *dst, const void *src, size_t size);
int memcmp(const void *a, const void *b, size_t size);
size_t strlen(const char *s);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t size);

#endif
