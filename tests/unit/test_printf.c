/* SPDX-License-Identifier: MIT */
/* hv/lib/printf.c against the host's own snprintf(), case by case. */
/* unit-sources: hv/lib/strlcpy.c hv/lib/parse.c */
#include <criterion/criterion.h>
#include <limits.h>
#include <stdio.h>

#define vsnprintf hv_vsnprintf
#define snprintf  hv_snprintf
#include "hv/lib/printf.c"
#undef vsnprintf
#undef snprintf
#include "hv/lib/parse.h"

/* Both must produce the same text and the same length. */
#define same(...)                                                             \
    do {                                                                      \
        char ours[128], theirs[128];                                          \
        int our_len = hv_snprintf(ours, sizeof(ours), __VA_ARGS__);           \
        int their_len = snprintf(theirs, sizeof(theirs), __VA_ARGS__);        \
                                                                              \
        cr_expect_str_eq(ours, theirs, "'%s' is not '%s'", ours, theirs);     \
        cr_expect_eq(our_len, their_len, "%d is not %d", our_len, their_len); \
    } while (0)

Test(printf, integers)
{
    same("%d %i %d", 0, -1, INT_MAX);
    same("%d", INT_MIN);
    same("%ld %lld %zd %jd %td", LONG_MIN, LLONG_MAX, (ssize_t)-5, (intmax_t)7, (ptrdiff_t)-9);
    same("%u %lu %llu %zu", UINT_MAX, ULONG_MAX, ULLONG_MAX, (size_t)1);
    same("%hhd %hd %hhu %hu", (signed char)-128, (short)-32768, (unsigned char)255, (unsigned short)65535);
    same("%x %X %o %lx", 0xdeadbeefU, 0xdeadbeefU, 0777U, ULONG_MAX);
}

Test(printf, widths_and_flags)
{
    same("[%8d][%-8d][%08d][%+d][% d]", 42, 42, 42, 42, 42);
    same("[%8d][%-8d][%08d][%+d]", -42, -42, -42, -42);
    same("[%#x][%#X][%#o][%#10x][%#010x]", 255U, 255U, 8U, 255U, 255U);
    same("[%#x][%#o][%#.0o]", 0U, 0U, 0U);
    same("[%.5d][%8.5d][%-8.5d][%.0d]", 42, 42, 42, 0);
    same("[%*d][%*d][%.*d][%.*d]", 6, 1, -6, 2, 3, 4, -1, 5);
    same("[%*s][%-*s]", 5, "ab", 5, "cd");
    same("%16lx|%-16lx|%016lx", 0x1234UL, 0x1234UL, 0x1234UL);
}

Test(printf, text)
{
    same("%s|%10s|%-10s|%.2s|%10.3s|%.0s", "hello", "hello", "hello", "hello", "hello", "hello");
    same("%c%5c%-5c|%%", 'a', 'b', 'c');
    same("%s", "");
    same("plain");
}

Test(printf, precision_bounds_what_is_read)
{
    const char unterminated[3] = { 'a', 'b', 'c' };
    char out[8];

    cr_expect_eq(hv_snprintf(out, sizeof(out), "%.3s", unterminated), 3);
    cr_expect_str_eq(out, "abc");
}

Test(printf, null_string_and_pointer)
{
    char out[64];
    const char *volatile none = NULL;

    hv_snprintf(out, sizeof(out), "%s", none);
    cr_expect_str_eq(out, "(null)");
    hv_snprintf(out, sizeof(out), "%p", (void *)0xffff800000001000UL);
    cr_expect_str_eq(out, "0xffff800000001000");
    hv_snprintf(out, sizeof(out), "%p", (void *)0x10UL);
    cr_expect_str_eq(out, "0x0000000000000010");
}

Test(printf, unknown_conversion_stands_as_written)
{
    char out[64];
    const char *volatile fmt = "a%yb%";

    hv_snprintf(out, sizeof(out), fmt);
    cr_expect_str_eq(out, "a%yb%");
}

Test(printf, never_writes_beyond_the_buffer)
{
    char out[16];

    for (size_t size = 0; size <= 12; size++) {
        memset(out, 'X', sizeof(out));
        cr_expect_eq(hv_snprintf(out, size, "0123%s%03d", "45", 678), 9);
        for (size_t i = size; i < sizeof(out); i++)
            cr_expect_eq(out[i], 'X', "size %zu wrote at %zu", size, i);
        if (size > 0)
            cr_expect_eq(strlen(out), size - 1 < 9 ? size - 1 : 9);
    }
    cr_expect_eq(hv_snprintf(NULL, 0, "%d", 12345), 5);
}

Test(printf, huge_fields_are_bounded)
{
    char out[8];
    const char *volatile fmt = "%99999999999d";

    cr_expect_eq(hv_snprintf(out, sizeof(out), fmt, 1), 1 << 20);
    fmt = "%*d";
    cr_expect_eq(hv_snprintf(out, sizeof(out), fmt, INT_MIN, 1), 1 << 20);
}

static bool parse_all(const char *text, unsigned base, uint64_t *v)
{
    return parse_u64(&text, base, v) && *text == '\0';
}

Test(parse, numbers)
{
    uint64_t v = 99;

    cr_expect(parse_all("0", 0, &v) && v == 0);
    cr_expect(parse_all("18446744073709551615", 0, &v) && v == UINT64_MAX);
    cr_expect(parse_all("0xFFFFffffFFFFffff", 0, &v) && v == UINT64_MAX);
    cr_expect(parse_all("ff", 16, &v) && v == 255);
    cr_expect(parse_all("0xff", 16, &v) && v == 255);
    cr_expect(parse_all("010", 0, &v) && v == 10, "a leading 0 is not octal");
    v = 99;
    cr_expect_not(parse_all("18446744073709551616", 0, &v));
    cr_expect_not(parse_all("0x10000000000000000", 0, &v));
    cr_expect_not(parse_all("", 0, &v));
    cr_expect_not(parse_all("-1", 0, &v));
    cr_expect_not(parse_all(" 1", 0, &v));
    cr_expect_not(parse_all("0x", 0, &v), "the x is left over");
    cr_expect_not(parse_all("8", 8, &v));
}

Test(parse, stops_behind_the_number)
{
    const char *s = "12abc";
    uint64_t v;

    cr_assert(parse_u64(&s, 10, &v));
    cr_expect_str_eq(s, "abc");
    s = "zz";
    cr_expect_not(parse_u64(&s, 10, &v));
    cr_expect_str_eq(s, "zz", "a failure moves nothing");
}

Test(parse, sizes)
{
    static const struct {
        const char *text;
        uint64_t bytes;
    } good[] = { { "1", 1024 },
                 { "1B", 1 },
                 { "2k", 2048 },
                 { "512M", 512ULL << 20 },
                 { "16G", 16ULL << 30 },
                 { "1t", 1ULL << 40 },
                 { "0x10M", 16ULL << 20 },
                 { "16777215T", 16777215ULL << 40 } };
    uint64_t v;

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        const char *s = good[i].text;

        cr_expect(parse_size(&s, &v) && *s == '\0' && v == good[i].bytes, "%s", good[i].text);
    }
    for (const char *const *bad = (const char *const[]){ "16777216T", "M", "", NULL }; *bad != NULL; bad++) {
        const char *s = *bad;

        cr_expect_not(parse_size(&s, &v), "%s", *bad);
    }
}

Test(parse, booleans)
{
    bool v = false;

    cr_expect(parse_bool("yes", &v) && v);
    cr_expect(parse_bool("off", &v) && !v);
    cr_expect_not(parse_bool("", &v));
    cr_expect_not(parse_bool("yess", &v));
}
