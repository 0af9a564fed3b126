/* SPDX-License-Identifier: MIT */
/*
 * C's string routines. The block moves use the string instructions 8 bytes at a time: without SSE that is the
 * fastest form for the sizes that matter here (pages and small structures), and under an emulator it executes
 * an eighth of the iterations of the byte form.
 */
#include "hv/lib/string.h"
#include "hv/lib/types.h"

void *memcpy(void *restrict dst, const void *restrict src, size_t n)
{
    void *to = dst;
    size_t quads = n / 8, rest = n % 8;

    asm volatile("rep movsq" : "+D"(to), "+S"(src), "+c"(quads) : : "memory");
    asm volatile("rep movsb" : "+D"(to), "+S"(src), "+c"(rest) : : "memory");
    return dst;
}

/* Copies from the last byte down, for a destination that overlaps the source from above. */
static void copy_backwards(char *dst, const char *src, size_t n)
{
    char *to = dst + n - 1;
    const char *from = src + n - 1;

    asm volatile("std; rep movsb; cld" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
}

void *memmove(void *dst, const void *src, size_t n)
{
    if (n != 0 && (uintptr_t)dst - (uintptr_t)src < n)
        copy_backwards(dst, src, n);
    else
        memcpy(dst, src, n);
    return dst;
}

void *memset(void *dst, int c, size_t n)
{
    void *to = dst;
    uint64_t pattern = (uint8_t)c * 0x0101010101010101ULL;
    size_t quads = n / 8, rest = n % 8;

    asm volatile("rep stosq" : "+D"(to), "+c"(quads) : "a"(pattern) : "memory");
    asm volatile("rep stosb" : "+D"(to), "+c"(rest) : "a"(pattern) : "memory");
    return dst;
}

int memcmp(const void *a, const void *b, size_t n)
{
    const uint8_t *x = a, *y = b;

    for (size_t i = 0; i < n; i++)
        if (x[i] != y[i])
            return x[i] - y[i];
    return 0;
}

void *memchr(const void *s, int c, size_t n)
{
    const uint8_t *p = s;

    for (size_t i = 0; i < n; i++)
        if (p[i] == (uint8_t)c)
            return (void *)(uintptr_t)(p + i);
    return NULL;
}

size_t strnlen(const char *s, size_t n)
{
    size_t len = 0;

    while (len < n && s[len] != '\0')
        len++;
    return len;
}

size_t strlen(const char *s)
{
    const char *end = s;

    while (*end != '\0')
        end++;
    return (size_t)(end - s);
}

int strncmp(const char *a, const char *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (a[i] != b[i])
            return (unsigned char)a[i] - (unsigned char)b[i];
        if (a[i] == '\0')
            break;
    }
    return 0;
}

int strcmp(const char *a, const char *b)
{
    return strncmp(a, b, SIZE_MAX);
}

char *strchr(const char *s, int c)
{
    for (;; s++) {
        if (*s == (char)c)
            return (char *)(uintptr_t)s;
        if (*s == '\0')
            return NULL;
    }
}

char *strrchr(const char *s, int c)
{
    const char *last = NULL;

    for (;; s++) {
        if (*s == (char)c)
            last = s;
        if (*s == '\0')
            return (char *)(uintptr_t)last;
    }
}

char *strstr(const char *s, const char *needle)
{
    size_t len = strlen(needle);

    for (;; s++) {
        if (strncmp(s, needle, len) == 0)
            return (char *)(uintptr_t)s;
        if (*s == '\0')
            return NULL;
    }
}
