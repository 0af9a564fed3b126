/* SPDX-License-Identifier: MIT */
/* dom0's commands: cutting lines into words, finding commands, suggestions, help, completion, usage errors.
 */
/* unit-sources: dom0_tools/shell/command.c dom0_tools/shell/words.c dom0_tools/shell/edit_distance.c */
/* unit-sources: dom0_tools/shell/completions.c dom0_tools/shell/table.c */
#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "dom0_tools/shell/command.h"
#include "dom0_tools/shell/table.h"
#include "dom0_tools/shell/words.h"

static char ran[256];

static int note_run(int argc, char **argv)
{
    ran[0] = '\0';
    for (int i = 0; i < argc; i++)
        snprintf(ran + strlen(ran), sizeof(ran) - strlen(ran), "[%s]", argv[i]);
    return COMMAND_OK;
}

static int run_options(int argc, char **argv)
{
    int c, n = 0;

    while ((c = getopt(argc, argv, "ab:")) != -1) {
        if (c == '?')
            return COMMAND_USAGE;
        n++;
    }
    snprintf(ran, sizeof(ran), "%d options, %d words", n, argc - optind);
    return COMMAND_OK;
}

static void complete_domains(const char *word, struct completions *list)
{
    if (strncmp("Domain-0", word, strlen(word)) == 0)
        completions_add(list, "Domain-0");
}

static const struct command subcommands[] = {
    { .name = "list",
      .arguments = "[-v]",
      .summary = "list domains",
      .options = "  -v  more\n",
      .run = note_run,
      .complete = complete_domains },
    { .name = "info", .arguments = "", .summary = "describe", .run = note_run },
};
static const struct command table_a[] = {
    { .name = "echo", .arguments = "[WORD...]", .summary = "print words", .run = note_run },
    { .name = "help", .arguments = "", .summary = "help", .run = note_run },
    { .name = "options",
      .arguments = "[-a] [-b N]",
      .summary = "take options",
      .long_options = "all=a back-to=b",
      .run = run_options },
};
static const struct command table_b[] = {
    { .name = "xl",
      .arguments = "COMMAND",
      .summary = "manage domains",
      .subcommands = subcommands,
      .nr_subcommands = 2 },
};
static struct command_set set;

static void setup(void)
{
    cr_redirect_stdout();
    cr_redirect_stderr();
    command_register(&set, table_a, sizeof(table_a) / sizeof(table_a[0]));
    command_register(&set, table_b, sizeof(table_b) / sizeof(table_b[0]));
}

static int run(const char *line)
{
    static struct words words;
    int result;

    ran[0] = '\0';
    cr_assert_null(words_split(&words, line));
    result = command_run(&set, words.argc, words.argv);
    fflush(NULL);
    return result;
}

TestSuite(command, .init = setup);

Test(command, runs_with_its_words)
{
    cr_expect_eq(run("echo a 'b c'"), COMMAND_OK);
    cr_expect_str_eq(ran, "[echo][a][b c]");
    cr_expect_eq(run("xl list -v x"), COMMAND_OK);
    cr_expect_str_eq(ran, "[list][-v][x]");
}

Test(command, getopt_begins_anew_each_time)
{
    cr_expect_eq(run("options -a -b 1 x"), COMMAND_OK);
    cr_expect_str_eq(ran, "2 options, 1 words");
    cr_expect_eq(run("options -a"), COMMAND_OK);
    cr_expect_str_eq(ran, "1 options, 0 words");
    cr_expect_eq(run("options -z -a"), COMMAND_USAGE);
    cr_expect_eq(run("options -a x"), COMMAND_OK);
    cr_expect_str_eq(ran, "1 options, 1 words");
}

Test(command, wrong_options_show_the_usage)
{
    run("options -z");
    cr_expect_stderr_eq_str("options: invalid option -- 'z'\nusage: options [-a] [-b N]\n");
}

Test(command, unknown_command_suggests)
{
    cr_expect_eq(run("ehco"), COMMAND_FAIL);
    cr_expect_stderr_eq_str("ehco: command not found. Did you mean 'echo'?\n");
}

Test(command, unknown_command_without_a_near_one)
{
    cr_expect_eq(run("frobnicate"), COMMAND_FAIL);
    cr_expect_stderr_eq_str("frobnicate: command not found; 'help' lists what there is\n");
}

Test(command, unknown_subcommand_suggests)
{
    cr_expect_eq(run("xl lst"), COMMAND_FAIL);
    cr_expect_stderr_eq_str("lst: 'xl' command not found. Did you mean 'list'?\n");
}

Test(command, subcommand_help)
{
    cr_expect_eq(run("xl"), COMMAND_OK);
    cr_expect_eq(run("xl list --help"), COMMAND_OK);
    cr_expect_eq(run("xl help info"), COMMAND_OK);
    cr_expect_stdout_eq_str("usage: xl COMMAND\nmanage domains\n"
                            "  xl list          list domains\n  xl info          describe\n"
                            "usage: xl list [-v]\nlist domains\n  -v  more\n"
                            "usage: xl info\ndescribe\n");
}

Test(command, help_on_words)
{
    char *names[] = { (char[]){ "xl" }, (char[]){ "list" } };

    cr_expect_eq(command_help(&set, 2, names), COMMAND_OK);
    fflush(stdout);
    cr_expect_stdout_eq_str("usage: xl list [-v]\nlist domains\n  -v  more\n");
}

static const char *completions_of(const char *before)
{
    static char text[256];
    struct completions list = { 0 };

    command_complete(&set, before, &list);
    snprintf(text, sizeof(text), "%zu:", list.start);
    for (size_t i = 0; i < list.nr; i++)
        snprintf(text + strlen(text), sizeof(text) - strlen(text), " %s", list.word[i]);
    completions_free(&list);
    return text;
}

Test(command, completion)
{
    cr_expect_str_eq(completions_of(""), "0: echo help options xl");
    cr_expect_str_eq(completions_of("e"), "0: echo");
    cr_expect_str_eq(completions_of("xl "), "3: info list");
    cr_expect_str_eq(completions_of("xl l"), "3: list");
    cr_expect_str_eq(completions_of("xl list "), "8: Domain-0");
    cr_expect_str_eq(completions_of("xl list -v D"), "11: Domain-0");
    cr_expect_str_eq(completions_of("xl list X"), "8:");
    cr_expect_str_eq(completions_of("xl list -"), "8: --help -v");
    cr_expect_str_eq(completions_of("xl list -v -v"), "11: -v");
    cr_expect_str_eq(completions_of("xl info --"), "8: --help");
    cr_expect_str_eq(completions_of("help x"), "5: xl");
    cr_expect_str_eq(completions_of("help xl i"), "8: info");
    cr_expect_str_eq(completions_of("nothing "), "8:");
    cr_expect_str_eq(completions_of("echo 'open "), "11:");
}

static void splits(const char *line, const char *expected)
{
    struct words words;
    char text[256] = "";

    cr_expect_null(words_split(&words, line), "%s", line);
    for (int i = 0; i < words.argc; i++)
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "<%s>", words.argv[i]);
    cr_expect_str_eq(text, expected, "%s", text);
    cr_expect_null(words.argv[words.argc]);
}

Test(words, quoting)
{
    splits("", "");
    splits("   ", "");
    splits("a  b\tc ", "<a><b><c>");
    splits("'a b' \"c d\" e\\ f", "<a b><c d><e f>");
    splits("a'b'\"c\"d", "<abcd>");
    splits("'\\' \"\\\"\"", "<\\><\">");
    splits("'' \"\"", "<><>");
    splits("# all of it", "");
    splits("a # b", "<a>");
    splits("a#b '#c'", "<a#b><#c>");
}

Test(words, refusals)
{
    struct words words;
    char line[2000];

    cr_expect_str_eq(words_split(&words, "a 'b"), "a ' is not closed");
    cr_expect_str_eq(words_split(&words, "\"b"), "a \" is not closed");
    cr_expect_str_eq(words_split(&words, "b\\"), "there is nothing behind the last backslash");
    memset(line, 'x', sizeof(line));
    line[1024] = '\0';
    cr_expect_str_eq(words_split(&words, line), "the line is too long");
    line[1023] = '\0';
    cr_expect_null(words_split(&words, line));
    for (int i = 0; i < 2 * WORDS_MAX; i++)
        line[i] = i % 2 ? ' ' : 'w';
    line[2 * WORDS_MAX] = '\0';
    cr_expect_null(words_split(&words, line));
    strcpy(line + 2 * WORDS_MAX, "w");
    cr_expect_str_eq(words_split(&words, line), "there are too many words");
}

Test(edit_distance, counts_slips)
{
    cr_expect_eq(edit_distance("list", "list"), 0);
    cr_expect_eq(edit_distance("lst", "list"), 1);
    cr_expect_eq(edit_distance("lisst", "list"), 1);
    cr_expect_eq(edit_distance("last", "list"), 1);
    cr_expect_eq(edit_distance("lsit", "list"), 1);
    cr_expect_eq(edit_distance("", "list"), 4);
    cr_expect_eq(edit_distance("kitten", "sitting"), 3);
}

static void join_line(void *ctx, const char *line)
{
    strcat(ctx, line);
    strcat(ctx, "|");
}

Test(table, columns)
{
    char *words[] = { (char[]){ "alpha" }, (char[]){ "b" }, (char[]){ "c" }, (char[]){ "delta" },
                      (char[]){ "e" } };
    char text[256] = "";

    table_columns(words, 5, 80, join_line, text);
    cr_expect_str_eq(text, "alpha  b      c      delta  e|");
    text[0] = '\0';
    table_columns(words, 5, 14, join_line, text);
    cr_expect_str_eq(text, "alpha  delta|b      e|c|");
    text[0] = '\0';
    table_columns(words, 5, 1, join_line, text);
    cr_expect_str_eq(text, "alpha|b|c|delta|e|");
    text[0] = '\0';
    table_columns(words, 0, 80, join_line, text);
    cr_expect_str_eq(text, "");
}

Test(command, long_options)
{
    static const struct {
        const char *words[5];
        const char *expected; /* NULL: refused */
    } cases[] = {
        { { "options", "--all", "x" }, "1 options, 1 words" },
        { { "options", "--back-to=5", "--all", "x" }, "2 options, 1 words" },
        { { "options", "--back-to", "5", "x" }, "1 options, 1 words" },
        { { "options", "-a", "--", "--all" }, "1 options, 1 words" },
        { { "options", "--al" }, NULL },
        { { "options", "--alle" }, NULL },
        { { "options", "--back" }, NULL },
        { { "options", "--back-to" }, NULL },
        { { "options", "--=" }, NULL },
        { { "echo", "--all" }, "[echo][--all]" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[5][16], *argv[6] = { 0 };
        int argc = 0;

        for (; cases[i].words[argc] != NULL; argc++)
            argv[argc] = strcpy(text[argc], cases[i].words[argc]);
        cr_expect_eq(command_run(&set, argc, argv), cases[i].expected != NULL ? COMMAND_OK : COMMAND_USAGE,
                     "case %zu", i);
        if (cases[i].expected != NULL)
            cr_expect_str_eq(ran, cases[i].expected);
    }
}
