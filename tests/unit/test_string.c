/* SPDX-License-Identifier: MIT */
/* hv/lib/string.c, under other names, against the host's C library on many small inputs. */
/* unit-sources: */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define memcpy  hv_memcpy
#define memmove hv_memmove
#define memset  hv_memset
#define memcmp  hv_memcmp
#define memchr  hv_memchr
#define strlen  hv_strlen
#define strnlen hv_strnlen
#define strcmp  hv_strcmp
#define strncmp hv_strncmp
#define strchr  hv_strchr
#define strrchr hv_strrchr
#define strstr  hv_strstr
#define strlcpy hv_strlcpy
#undef HV_LIB_STRING_H
#include "hv/lib/string.c"
#include "hv/lib/strlcpy.c"
#undef memcpy
#undef memmove
#undef memset
#undef memcmp
#undef memchr
#undef strlen
#undef strnlen
#undef strcmp
#undef strncmp
#undef strchr
#undef strrchr
#undef strstr
#undef strlcpy

#define ROOM 64

static int sign(int v)
{
    return (v > 0) - (v < 0);
}

static void fill(char *buf, unsigned seed)
{
    srand(seed);
    for (int i = 0; i < ROOM; i++)
        buf[i] = (char)rand();
}

Test(string, block_moves_at_every_offset_and_length)
{
    char ours[ROOM], theirs[ROOM];

    for (unsigned dst = 0; dst < 20; dst++) {
        for (unsigned src = 0; src < 20; src++) {
            for (unsigned n = 0; n < 40; n++) {
                fill(ours, n);
                fill(theirs, n);
                hv_memmove(ours + dst, ours + src, n);
                memmove(theirs + dst, theirs + src, n);
                cr_assert(memcmp(ours, theirs, ROOM) == 0, "move of %u from %u to %u", n, src, dst);
            }
        }
    }
}

Test(string, copy_and_set_touch_only_their_bytes)
{
    char src[ROOM], ours[ROOM], theirs[ROOM];

    fill(src, 1);
    for (unsigned at = 0; at < 10; at++) {
        for (unsigned n = 0; n < 40; n++) {
            fill(ours, 2);
            fill(theirs, 2);
            hv_memcpy(ours + at, src, n);
            memcpy(theirs + at, src, n);
            cr_assert(memcmp(ours, theirs, ROOM) == 0);
            cr_assert_eq(hv_memset(ours + at, 0x1a5, n), ours + at);
            memset(theirs + at, 0x1a5, n);
            cr_assert(memcmp(ours, theirs, ROOM) == 0);
        }
    }
}

Test(string, comparisons_have_the_sign_of_c)
{
    static const char *const words[] = { "", "a", "ab", "abc", "abd", "b", "\xff", "a\xff" };

    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        for (size_t j = 0; j < ARRAY_SIZE(words); j++) {
            const char *a = words[i], *b = words[j];

            cr_expect_eq(sign(hv_strcmp(a, b)), sign(strcmp(a, b)), "%s %s", a, b);
            for (size_t n = 0; n < 4; n++)
                cr_expect_eq(sign(hv_strncmp(a, b, n)), sign(strncmp(a, b, n)), "%s %s %zu", a, b, n);
            cr_expect_eq(sign(hv_memcmp(a, b, 1)), sign(memcmp(a, b, 1)));
            cr_expect_eq(hv_strstr(a, b), strstr(a, b), "%s in %s", b, a);
        }
    }
}

Test(string, searches)
{
    const char *s = "banana";

    for (int c = 0; c < 256; c++) {
        cr_expect_eq(hv_strchr(s, c), strchr(s, c));
        cr_expect_eq(hv_strrchr(s, c), strrchr(s, c));
        cr_expect_eq(hv_memchr(s, c, 5), memchr(s, c, 5));
    }
    cr_expect_eq(hv_strlen(s), 6);
    cr_expect_eq(hv_strlen(""), 0);
    cr_expect_eq(hv_strnlen(s, 3), 3);
    cr_expect_eq(hv_strnlen(s, 30), 6);
}

Test(string, strlcpy_cuts_and_terminates)
{
    char buf[4] = "xyz";

    cr_expect_eq(hv_strlcpy(buf, "abcdef", 0), 6);
    cr_expect_str_eq(buf, "xyz");
    cr_expect_eq(hv_strlcpy(buf, "abcdef", sizeof(buf)), 6);
    cr_expect_str_eq(buf, "abc");
    cr_expect_eq(hv_strlcpy(buf, "q", sizeof(buf)), 1);
    cr_expect_str_eq(buf, "q");
}
