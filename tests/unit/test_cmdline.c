/* SPDX-License-Identifier: MIT */
/* The command line parser: every type, every refusal, and that a refused option changes nothing. */
/* unit-sources: hv/lib/cmdline.c hv/lib/parse.c hv/lib/strlcpy.c */
#include <criterion/criterion.h>

#include "hv/lib/cmdline.h"
#include "hv/lib/string.h"

static bool opt_flag;
static uint8_t opt_byte;
static unsigned opt_count;
static uint64_t opt_mem;
static char opt_text[16];
static char custom_seen[64];

static int parse_custom(const char *value)
{
    strlcpy(custom_seen, value, sizeof(custom_seen));
    return strcmp(value, "bad") == 0 ? -22 : 0;
}

static const struct cmdline_param table[] = {
    { .name = "flag", .type = PARAM_BOOL, .var = &opt_flag, .size = sizeof(opt_flag) },
    { .name = "byte", .type = PARAM_UINT, .var = &opt_byte, .size = sizeof(opt_byte) },
    { .name = "count", .type = PARAM_UINT, .var = &opt_count, .size = sizeof(opt_count) },
    { .name = "mem", .type = PARAM_SIZE, .var = &opt_mem, .size = sizeof(opt_mem) },
    { .name = "text", .type = PARAM_STRING, .var = opt_text, .size = sizeof(opt_text) },
    { .name = "custom", .type = PARAM_CUSTOM, .parse = parse_custom, .form = "custom=<anything but bad>" },
    { .name = "no-op", .type = PARAM_BOOL, .var = &opt_flag, .size = sizeof(opt_flag) },
};

struct reports {
    unsigned nr, unknown;
    char last[1024];
};

static void report(void *ctx, enum cmdline_problem problem, const char *text)
{
    struct reports *r = ctx;

    r->nr++;
    r->unknown += problem == CMDLINE_UNKNOWN;
    strlcpy(r->last, text, sizeof(r->last));
}

static unsigned parse(const char *line, struct reports *r)
{
    *r = (struct reports){ 0 };
    return cmdline_parse(line, table, ARRAY_SIZE(table), report, r);
}

static void good(const char *line)
{
    struct reports r;

    cr_expect_eq(parse(line, &r), 0, "%s", line);
    cr_expect_eq(r.nr, 0, "%s: %s", line, r.last);
}

static void bad(const char *line, const char *expected)
{
    struct reports r;

    cr_expect_eq(parse(line, &r), 1, "%s", line);
    cr_expect_eq(r.nr, 1);
    cr_expect_str_eq(r.last, expected);
}

Test(cmdline, empty_lines)
{
    good("");
    good("   ");
}

Test(cmdline, booleans_in_every_form)
{
    static const char *const on[] = { "flag", "flag=1", "flag=yes", "flag=on", "flag=true", "no-flag=off" };
    static const char *const off[] = {
        "no-flag", "flag=0", "flag=no", "flag=off", "flag=false", "no-flag=1"
    };

    for (size_t i = 0; i < ARRAY_SIZE(on); i++) {
        opt_flag = false;
        good(on[i]);
        cr_expect(opt_flag, "%s", on[i]);
    }
    for (size_t i = 0; i < ARRAY_SIZE(off); i++) {
        opt_flag = true;
        good(off[i]);
        cr_expect_not(opt_flag, "%s", off[i]);
    }
    bad("flag=maybe", "bad option 'flag=maybe': write flag, no-flag or flag=<yes|no>");
    bad("flag=", "bad option 'flag=': write flag, no-flag or flag=<yes|no>");
}

Test(cmdline, a_name_that_begins_with_no_is_itself)
{
    opt_flag = false;
    good("no-op");
    cr_expect(opt_flag);
    good("no-no-op");
    cr_expect_not(opt_flag);
}

Test(cmdline, numbers_are_range_checked)
{
    opt_byte = 7;
    good("byte=255 count=0x10");
    cr_expect_eq(opt_byte, 255);
    cr_expect_eq(opt_count, 16);
    bad("byte=256", "bad option 'byte=256': write byte=<number below 2^8>");
    bad("byte=-1", "bad option 'byte=-1': write byte=<number below 2^8>");
    bad("byte=1x", "bad option 'byte=1x': write byte=<number below 2^8>");
    bad("byte=", "bad option 'byte=': write byte=<number below 2^8>");
    bad("byte", "bad option 'byte': write byte=<number below 2^8>");
    bad("no-byte", "bad option 'no-byte': write byte=<number below 2^8>");
    bad("count=4294967296", "bad option 'count=4294967296': write count=<number below 2^32>");
    cr_expect_eq(opt_byte, 255, "refused values change nothing");
    cr_expect_eq(opt_count, 16);
}

Test(cmdline, sizes)
{
    good("mem=512M");
    cr_expect_eq(opt_mem, 512ULL << 20);
    good("mem=4");
    cr_expect_eq(opt_mem, 4096);
    bad("mem=12Q", "bad option 'mem=12Q': write mem=<size>[B|K|M|G|T]");
    bad("mem=99999999999T", "bad option 'mem=99999999999T': write mem=<size>[B|K|M|G|T]");
}

Test(cmdline, texts_and_quotes)
{
    good("text=abc");
    cr_expect_str_eq(opt_text, "abc");
    good("text=\"a b  c\" flag");
    cr_expect_str_eq(opt_text, "a b  c");
    good("\"text=x y\"");
    cr_expect_str_eq(opt_text, "x y");
    good("text=");
    cr_expect_str_eq(opt_text, "");
    good("text=a=b");
    cr_expect_str_eq(opt_text, "a=b");
    good("text=123456789012345");
    bad("text=1234567890123456",
        "bad option 'text=1234567890123456': write text=<text of at most 15 characters>");
    cr_expect_str_eq(opt_text, "123456789012345");
    bad("flag \"text=abc", "option 'text' has an opening quote without a closing one");
}

Test(cmdline, custom)
{
    good("custom=a:b,c");
    cr_expect_str_eq(custom_seen, "a:b,c");
    good("custom");
    cr_expect_str_eq(custom_seen, "");
    good("no-custom");
    cr_expect_str_eq(custom_seen, "no");
    bad("no-custom=1", "bad option 'no-custom=1': write custom=<anything but bad>");
    bad("custom=bad", "bad option 'custom=bad': write custom=<anything but bad>");
}

Test(cmdline, unknown_options_are_reported_and_ignored)
{
    struct reports r;

    opt_count = 0;
    cr_expect_eq(parse("foo=1 count=3 no-bar =x", &r), 0);
    cr_expect_eq(r.unknown, 3);
    cr_expect_eq(opt_count, 3);
    cr_expect_str_eq(r.last, "unknown option ''");
    parse("count=1 frobnicate=yes", &r);
    cr_expect_str_eq(r.last, "unknown option 'frobnicate'");
}

Test(cmdline, the_last_one_counts)
{
    good("count=1 count=2");
    cr_expect_eq(opt_count, 2);
}

Test(cmdline, option_length_is_bounded)
{
    char line[CMDLINE_OPTION_SIZE + 16] = "text=";
    struct reports r;

    memset(line + 5, 'a', CMDLINE_OPTION_SIZE - 5);
    line[CMDLINE_OPTION_SIZE - 1] = '\0';
    cr_expect_eq(parse(line, &r), 1);
    cr_expect_not_null(strstr(r.last, "text of at most"), "%s", r.last);
    line[CMDLINE_OPTION_SIZE - 1] = 'a';
    cr_expect_eq(parse(line, &r), 1);
    cr_expect_str_eq(r.last, "option 'text...' is longer than 255 characters");
}

static void split(const char *line, const char *ours, const char *dom0s)
{
    char buf[64];
    char *rest;

    strlcpy(buf, line, sizeof(buf));
    rest = cmdline_split_dom0(buf);
    cr_expect_str_eq(rest, dom0s, "'%s' of '%s'", rest, line);
    cr_expect_str_eq(buf, ours, "'%s' of '%s'", buf, line);
}

Test(cmdline, two_dashes_begin_dom0s_options)
{
    split("a b", "a b", "");
    split("a -- b c", "a ", "b c");
    split("a --   b -- c", "a ", "b -- c");
    split("-- b", "", "b");
    split("a --", "a ", "");
    split("a --b c", "a --b c", "");
    split("a-- b", "a-- b", "");
    split("x=\"a -- b\" -- c", "x=\"a -- b\" ", "c");
}
