/* SPDX-License-Identifier: MIT */
/*
 * In place of newlib's, which goes around the caches from 256 bytes on: what is copied here (pages of rings,
 * blocks, packets) is read again at once.
 */
#include <string.h>

#define SHORT 64

void *memcpy(void *restrict dst, const void *restrict src, size_t n)
{
    void *to = dst;
    size_t quads = n / 8, rest = n % 8;

    /* The string instruction takes its time to start. */
    if (n < SHORT)
        for (; quads; quads--, to = (char *)to + 8, src = (const char *)src + 8)
            __asm__ volatile("mov (%0), %%rax; mov %%rax, (%1)" : : "r"(src), "r"(to) : "rax", "memory");
    else
        __asm__ volatile("rep movsq" : "+D"(to), "+S"(src), "+c"(quads) : : "memory");
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(src), "+c"(rest) : : "memory");
    return dst;
}
