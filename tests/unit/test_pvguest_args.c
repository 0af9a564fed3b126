/* SPDX-License-Identifier: MIT */
/* The command line as arguments and environment. */
/* unit-sources: pvguest/args.c */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "pvguest/libc.h"
#include "pvguest/panic.h"

void panic(const char *format, ...)
{
    (void)format;
    abort();
}

static char **argv;

/* The vectors stay, as a guest's do: where the leak checker sees them. */
char **kept[8];

static int parse(const char *line)
{
    static int count;
    int argc = libc_parse_command_line(line, &argv);

    kept[count++ % 8] = argv;
    return argc;
}

Test(pvguest_args, words)
{
    cr_expect_eq(parse("  one\ttwo  three "), 4);
    cr_expect_str_eq(argv[0], "guest");
    cr_expect_str_eq(argv[1], "one");
    cr_expect_str_eq(argv[3], "three");
    cr_expect_null(argv[4]);
    cr_expect_eq(parse(""), 1);
    cr_expect_null(argv[1]);
}

Test(pvguest_args, quotes_and_escapes)
{
    cr_expect_eq(parse("'a b' \"c 'd' \\\" e\" f\\ g 'h\\i' j'k l'm ''"), 7);
    cr_expect_str_eq(argv[1], "a b");
    cr_expect_str_eq(argv[2], "c 'd' \" e");
    cr_expect_str_eq(argv[3], "f g");
    cr_expect_str_eq(argv[4], "h\\i");
    cr_expect_str_eq(argv[5], "jk lm");
    cr_expect_str_eq(argv[6], "");
}

Test(pvguest_args, unfinished_quotes_and_escapes_end_with_the_line)
{
    cr_expect_eq(parse("'abc"), 2);
    cr_expect_str_eq(argv[1], "abc");
    cr_expect_eq(parse("abc\\"), 2);
    cr_expect_str_eq(argv[1], "abc\\");
}

Test(pvguest_args, leading_assignments_are_the_environment)
{
    cr_expect_eq(parse("MY_VAR=x 'B2=y z' arg C=3 d=4"), 4);
    cr_expect_str_eq(getenv("MY_VAR"), "x");
    cr_expect_str_eq(getenv("B2"), "y z");
    cr_expect_null(getenv("C"));
    cr_expect_str_eq(argv[1], "arg");
    cr_expect_str_eq(argv[2], "C=3");
    cr_expect_eq(parse("1A=2 =x"), 3);
}

/* As many words as a line can hold. */
Test(pvguest_args, densest_line)
{
    cr_expect_eq(parse("a b c d e f g"), 8);
    cr_expect_str_eq(argv[7], "g");
}
