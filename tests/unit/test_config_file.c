/* SPDX-License-Identifier: MIT */
/* Configuration files in xl's syntax: what they mean, and where an error is said to be. */
/* unit-sources: dom0_tools/config/config_file.c */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "dom0_tools/config/config_file.h"

static struct config_file file;
static char error[CONFIG_ERROR_SIZE];

static bool parse(const char *text)
{
    config_init(&file, "f");
    *error = '\0';
    return config_parse(&file, text, strlen(text), error);
}

static const struct config_value *value_of(const char *text, const char *key)
{
    const struct config_value *value;

    cr_assert(parse(text), "%s: %s", text, error);
    value = config_find(&file, key);
    cr_assert_not_null(value, "%s: no %s", text, key);
    return value;
}

static void expect_text(const char *text, const char *key, const char *expected)
{
    const char *got = NULL;

    value_of(text, key);
    cr_assert(config_string(&file, key, &got, error), "%s", error);
    cr_expect_str_eq(got, expected);
    config_free(&file);
}

static void expect_number(const char *text, const char *key, int64_t expected)
{
    cr_expect_eq(value_of(text, key)->number, expected, "%s", text);
    config_free(&file);
}

static void expect_error(const char *text, const char *expected)
{
    cr_expect_not(parse(text), "'%s' is taken", text);
    cr_expect_str_eq(error, expected);
    config_free(&file);
}

Test(config_file, strings)
{
    expect_text("a = 'x'", "a", "x");
    expect_text("a=\"x\"", "a", "x");
    expect_text("a = \"it's\"", "a", "it's");
    expect_text("a = 'say \"x\"'", "a", "say \"x\"");
    expect_text("a = 'tab\\tquote\\'back\\\\'", "a", "tab\tquote'back\\");
    expect_text("a = ''", "a", "");
    expect_text("a = 'x' # 'y'", "a", "x");
    expect_text("a = '#'", "a", "#");
    expect_text("\r\na = 'x'\r\n", "a", "x");
}

Test(config_file, numbers)
{
    expect_number("a = 12", "a", 12);
    expect_number("a = 0x10", "a", 16);
    expect_number("a = 010", "a", 8);
    expect_number("a = -3", "a", -3);
    expect_text("a = 0x10", "a", "0x10");
}

Test(config_file, settings_are_separated_by_lines_and_semicolons)
{
    expect_number("a = 1; b = 2\nc = 3;;\n;d = 4", "d", 4);
    expect_number("a = 1; b = 2", "b", 2);
    expect_number("a = \\\n 7", "a", 7);
    expect_number("_x9 = 5", "_x9", 5);
}

Test(config_file, the_later_counts)
{
    expect_number("a = 1\na = 2", "a", 2);
    cr_expect_eq(file.nr, 0);
}

Test(config_file, lists)
{
    const struct config_value *v = value_of("a = [ 'x', 7, [ \"y\" ], ]", "a");

    cr_assert_eq(v->type, CONFIG_LIST);
    cr_assert_eq(v->nr, 3);
    cr_expect_str_eq(v->item[0].text, "x");
    cr_expect_eq(v->item[1].number, 7);
    cr_assert_eq(v->item[2].type, CONFIG_LIST);
    cr_expect_str_eq(v->item[2].item[0].text, "y");
    config_free(&file);
    v = value_of("a = [\n 'x', # first\n\n 'y'\n]\nb = 1", "a");
    cr_expect_eq(v->nr, 2);
    cr_expect_eq(v->item[1].line, 4);
    cr_expect_eq(v->item[1].column, 2);
    config_free(&file);
    cr_expect_eq(value_of("a = []", "a")->nr, 0);
    config_free(&file);
}

Test(config_file, plus_joins)
{
    const struct config_value *v;

    expect_text("a = 'x'\na += 'y'", "a", "xy");
    expect_text("a += 'y'", "a", "y");
    v = value_of("a = ['x']; a += ['y', 'z']; a += []", "a");
    cr_assert_eq(v->nr, 3);
    cr_expect_str_eq(v->item[2].text, "z");
    config_free(&file);
    expect_error("a = 'x'\na += ['y']", "f:2:6: a: += joins two strings or two lists");
    expect_error("a = 1; a += 2", "f:1:13: a: += joins two strings or two lists");
}

Test(config_file, errors_say_where)
{
    expect_error("a", "f:1:2: the text ends where '=' or '+=' is expected");
    expect_error("a =", "f:1:4: the text ends where a value is expected");
    expect_error("a =\nb = 1", "f:1:4: the line ends where a value is expected");
    expect_error("= 1", "f:1:1: '=' stands where a key is expected");
    expect_error("a = x", "f:1:5: 'x' is no number; a string stands in quotation marks");
    expect_error("a = 12monkeys", "f:1:5: '12monkeys' is no number; a string stands in quotation marks");
    expect_error("a = 99999999999999999999", "f:1:5: the number 99999999999999999999 is too large");
    expect_error("a = 1 2", "f:1:7: '2' stands where the end of the line or ';' is expected");
    expect_error("\n  a = 'x", "f:2:9: the string that begins at 2:7 has no end");
    expect_error("a = 'x\ny'", "f:1:7: the string that begins at 1:5 has no end");
    expect_error("a = ['x' 'y']", "f:1:10: ''' stands where ',' or ']' is expected");
    expect_error("a = ['x',\n", "f:2:1: the text ends where a value is expected");
    expect_error("a = \x01", "f:1:5: the character 0x01 stands where a value is expected");
    expect_error("a = [[[[[[[[[1]]]]]]]]]", "f:1:13: lists stand in lists more than 8 deep");
}

Test(config_file, a_text_may_hold_any_byte)
{
    config_init(&file, "f");
    cr_expect_not(config_parse(&file, "a = '\0'", 7, error));
    cr_expect_str_eq(error, "f:1:6: a string cannot hold the character 0");
    cr_expect_not(config_parse(&file, "x", CONFIG_MAX_BYTES + 1, error));
    config_free(&file);
}

static bool override(const char *assignment)
{
    config_init(&file, "f");
    return config_override(&file, assignment, error);
}

Test(config_file, overrides_need_no_quotes)
{
    const char *text = NULL;

    cr_assert(override("kernel=/boot/vm linux;x"));
    cr_assert(config_string(&file, "kernel", &text, error));
    cr_expect_str_eq(text, "/boot/vm linux;x");
    cr_expect(config_override(&file, "kernel='a'", error));
    cr_assert(config_string(&file, "kernel", &text, error));
    cr_expect_str_eq(text, "a");
    cr_expect(config_override(&file, "memory=64", error));
    cr_expect_eq(config_find(&file, "memory")->number, 64);
    cr_expect(config_override(&file, "disk=['x','y']", error));
    cr_expect_eq(config_find(&file, "disk")->nr, 2);
    cr_expect(config_override(&file, "extra+= b", error));
    config_free(&file);
    cr_expect_not(override("=x"));
    config_free(&file);
    cr_expect_not(override("a=['x'"));
    config_free(&file);
}

Test(config_file, questions)
{
    int64_t n = 1;
    const char *text = "unchanged";

    cr_assert(parse("n = 5; text = 'seven'; digits = '7'; list = [1]"));
    cr_expect(config_number(&file, "n", 0, 10, &n, error));
    cr_expect_eq(n, 5);
    cr_expect(config_number(&file, "digits", 0, 10, &n, error));
    cr_expect_eq(n, 7);
    cr_expect(config_number(&file, "absent", 0, 10, &n, error) && n == 7);
    cr_expect_not(config_number(&file, "n", 6, 10, &n, error));
    cr_expect_str_eq(error, "f:1:5: n is 5 and has to be between 6 and 10");
    cr_expect_not(config_number(&file, "text", 0, 10, &n, error));
    cr_expect_str_eq(error, "f:1:15: text is 'seven' and has to be a number");
    cr_expect_not(config_number(&file, "list", 0, 10, &n, error));
    cr_expect_not(config_string(&file, "list", &text, error));
    cr_expect_str_eq(error, "f:1:45: list is a list and has to be a string");
    cr_expect_str_eq(text, "unchanged");
    config_free(&file);
}

static void count(void *arg, const struct config_setting *setting)
{
    cr_expect_str_eq(setting->key, "b");
    ++*(unsigned int *)arg;
}

Test(config_file, unused_keys_are_told)
{
    unsigned int nr = 0;

    cr_assert(parse("a = 1; b = 2"));
    config_find(&file, "a");
    config_unused(&file, count, &nr);
    cr_expect_eq(nr, 1);
    config_free(&file);
}
