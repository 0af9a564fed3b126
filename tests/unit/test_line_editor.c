/* SPDX-License-Identifier: MIT */
/* dom0's line editor on a small model of a terminal: what is typed, what is shown, what comes out. */
/* unit-sources: dom0_tools/shell/line_editor.c dom0_tools/shell/completions.c */
/* unit-sources: dom0_tools/shell/history.c dom0_tools/shell/table.c */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dom0_tools/shell/line_editor.h"

#define ROWS 40
#define COLS 80

/* Each cell holds one code point, in at most 4 bytes. */
static struct {
    char cell[ROWS][COLS][5];
    unsigned row, col; /* col == COLS: the next character wraps */
    unsigned beeps;
} term;

static struct history history;
static struct line_editor ed;
static char raw[65536];
static size_t raw_len;

static void term_control(char c)
{
    if (c == '\r')
        term.col = 0;
    else if (c == '\n')
        term.row++;
    else if (c == '\b')
        term.col -= term.col > 0;
    else if (c == '\a')
        term.beeps++;
    else
        cr_assert_fail("control character %d sent to the terminal", c);
    cr_assert_lt(term.row, ROWS);
}

/* ESC [ ...: K, nC, H, 2J are what the editor may send. */
static size_t term_escape(const char *s)
{
    char *end;
    unsigned long n = strtoul(s + 2, &end, 10);

    if (*end == 'K')
        for (unsigned i = term.col; i < COLS; i++)
            term.cell[term.row][i][0] = '\0';
    else if (*end == 'C')
        term.col += (unsigned)n;
    else if (*end == 'H')
        term.row = term.col = 0;
    else if (*end == 'J')
        memset(term.cell, 0, sizeof(term.cell));
    else
        cr_assert_fail("escape sequence ESC [ %lu %c", n, *end);
    cr_assert_lt(term.col, COLS);
    return (size_t)(end + 1 - s);
}

static void term_put(const char *s, size_t n)
{
    if (term.col == COLS) {
        term.col = 0;
        term.row++;
    }
    memcpy(term.cell[term.row][term.col], s, n);
    term.cell[term.row][term.col][n] = '\0';
    term.col++;
}

/* Draws everything sent since the last call: a code point may be sent in pieces. */
static void term_show(void)
{
    raw[raw_len] = '\0';
    for (size_t i = 0; i < raw_len;) {
        unsigned char c = (unsigned char)raw[i];
        size_t n = 1;

        if (c == 27) {
            i += term_escape(raw + i);
            continue;
        }
        if (c < ' ') {
            term_control(raw[i++]);
            continue;
        }
        while (c >= 0xc0 && ((unsigned char)raw[i + n] & 0xc0) == 0x80)
            n++;
        term_put(raw + i, n);
        i += n;
    }
    raw_len = 0;
}

static void trim(char *text)
{
    size_t n = strlen(text);

    while (n > 0 && text[n - 1] == ' ')
        text[--n] = '\0';
}

/* A row's text, without blanks at its end: a blanked cell is not to be told from one never written. */
static const char *row(unsigned r)
{
    static char text[COLS * 4 + 1];

    text[0] = '\0';
    for (unsigned i = 0; i < COLS && term.cell[r][i][0] != '\0'; i++)
        strcat(text, term.cell[r][i]);
    trim(text);
    return text;
}

static void capture(void *ctx, const char *data, size_t len)
{
    (void)ctx;
    cr_assert_lt(raw_len + len, sizeof(raw));
    memcpy(raw + raw_len, data, len);
    raw_len += len;
}

static void complete(void *ctx, const char *before, struct completions *list)
{
    static const char *const words[] = { "list", "lspci", "lsirq", "vcpu-list", "dir/" };
    const char *space = strrchr(before, ' ');

    (void)ctx;
    list->start = space == NULL ? 0 : (size_t)(space - before) + 1;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strncmp(words[i], before + list->start, strlen(before + list->start)) == 0)
            completions_add(list, words[i]);
}

static void begin(void)
{
    line_editor_begin(&ed, "dom0# ");
}

static void setup(void)
{
    const struct line_editor_ops ops = { .write = capture, .complete = complete };

    line_editor_init(&ed, &ops, &history);
    begin();
}

static void teardown(void)
{
    history_clear(&history);
}

static enum line_state type(const char *keys)
{
    enum line_state state = LINE_MORE;

    for (; *keys != '\0' && state == LINE_MORE; keys++)
        state = line_editor_feed(&ed, *keys);
    return state;
}

/* After the keys, the current row shows the text, with the cursor `at` columns into it. */
static void shows(const char *keys, const char *text, unsigned at)
{
    char expected[512];

    type(keys);
    term_show();
    snprintf(expected, sizeof(expected), "dom0# %s", text);
    trim(expected);
    cr_expect_str_eq(row(term.row), expected, "'%s' instead of '%s'", row(term.row), expected);
    cr_expect_eq(term.col, 6 + at, "column %u instead of %u", term.col, 6 + at);
}

TestSuite(line_editor, .init = setup, .fini = teardown);

Test(line_editor, a_piped_line_leaves_only_prompt_and_text)
{
    cr_expect_eq(type("xl list\n"), LINE_DONE);
    cr_expect_str_eq(ed.text, "xl list");
    raw[raw_len] = '\0';
    cr_expect_str_eq(raw, "dom0# xl list\r\n");
}

Test(line_editor, a_long_piped_line_is_not_disturbed)
{
    char line[600], expected[700];

    memset(line, 'x', sizeof(line));
    line[598] = '\n';
    line[599] = '\0';
    cr_expect_eq(type(line), LINE_DONE);
    cr_expect_eq(strlen(ed.text), 598);
    raw[raw_len] = '\0';
    snprintf(expected, sizeof(expected), "dom0# %.598s\r\n", line);
    cr_expect_str_eq(raw, expected);
}

Test(line_editor, every_kind_of_line_end)
{
    cr_expect_eq(type("a\r"), LINE_DONE);
    begin();
    cr_expect_eq(type("\nb\r"), LINE_DONE, "the LF of CR LF is no line of its own");
    cr_expect_str_eq(ed.text, "b");
    begin();
    cr_expect_eq(type("c\n"), LINE_DONE);
    begin();
    cr_expect_eq(type("\n"), LINE_DONE);
    cr_expect_str_eq(ed.text, "");
}

Test(line_editor, editing)
{
    shows("abc", "abc", 3);
    shows("\33[D", "abc", 2);
    shows("X", "abXc", 3);
    shows("\x7f", "abc", 2);
    shows("\1", "abc", 0);
    shows("\4", "bc", 0);
    shows("\33[3~", "c", 0);
    shows("\5", "c", 1);
    shows("\x7f\x7f\x7f", "", 0);
    shows("one\33[H\33[Ctwo\33[F!", "otwone!", 7);
    shows("\33OH", "otwone!", 0);
    shows("\33[4~", "otwone!", 7);
}

Test(line_editor, words_kill_and_yank)
{
    shows("one two  three", "one two  three", 14);
    shows("\27", "one two  ", 9);
    shows("\31", "one two  three", 14);
    shows("\33b\33b", "one two  three", 4);
    shows("\33d", "one   three", 4);
    shows("\33[1;5C", "one   three", 11);
    shows("\33[1;5D\33[1;5D", "one   three", 0);
    shows("\33f\13", "one", 3);
    shows("\25", "", 0);
    shows("\31\31", "oneone", 6);
    shows("\33\x7f", "", 0);
}

Test(line_editor, utf8_moves_by_characters)
{
    shows("a\xc3\xa9z", "a\xc3\xa9z", 3);
    shows("\33[D\33[D", "a\xc3\xa9z", 1);
    shows("\4", "az", 1);
    shows("\xe6\x97\x85", "a\xe6\x97\x85z", 2);
    shows("\x7f", "az", 1);
}

Test(line_editor, bytes_that_are_no_utf8_are_kept)
{
    cr_expect_eq(type("a\x80\xff\33[D\xc3z\33[D\33[D\x7f\33[Cb\r"), LINE_DONE);
    cr_expect_str_eq(ed.text, "\xc3"
                              "bz\xff");
}

Test(line_editor, utf8_at_the_end_is_echoed_as_it_comes)
{
    type("\xe9\xa4\xa8\n");
    raw[raw_len] = '\0';
    cr_expect_str_eq(raw, "dom0# \xe9\xa4\xa8\r\n");
}

Test(line_editor, history_keeps_the_unfinished_line)
{
    type("first\r");
    history_add(&history, ed.text);
    begin();
    type("second\r");
    history_add(&history, ed.text);
    begin();
    shows("new", "new", 3);
    shows("\33[A", "second", 6);
    shows("\33[A", "first", 5);
    shows("\33[A", "first", 5);
    shows("\33[B!", "second!", 7);
    shows("\16", "new", 3);
    shows("\16", "new", 3);
    shows("\20\20", "first", 5);
    cr_expect_eq(type("\r"), LINE_DONE);
    cr_expect_str_eq(ed.text, "first");
}

Test(line_editor, completion)
{
    shows("v\t", "vcpu-list ", 10);
    shows("d\t", "vcpu-list dir/", 14);
    shows("\25l\t", "l", 1);
    cr_expect_eq(term.beeps, 1);
    shows("s\t", "ls", 2);
    shows("\t", "ls", 2);
    cr_expect_str_eq(row(term.row - 1), "lsirq  lspci");
    shows("p\t", "lspci ", 6);
    shows("\25zz\t", "zz", 2);
}

Test(line_editor, a_wide_line_scrolls_when_it_is_edited)
{
    char line[LINE_MAX_BYTES];
    unsigned first;

    for (unsigned i = 0; i < 200; i++)
        line[i] = (char)('a' + i % 26);
    line[200] = '\0';
    type(line);
    term_show();
    first = term.row;
    cr_expect_eq(first, 2, "206 columns wrap over 3 rows");
    type("\x7f");
    term_show();
    cr_expect_eq(term.row, first + 1, "the window is drawn on a row of its own");
    cr_expect_eq(strncmp(row(term.row), "dom0# ", 6), 0);
    cr_expect_lt(strlen(row(term.row)), COLS);
    cr_expect_eq(row(term.row)[term.col - 1], line[198], "the cursor stands behind the last character");
    type("\1");
    term_show();
    cr_expect_eq(term.row, first + 1);
    cr_expect_eq(term.col, 6);
    cr_expect_eq(strncmp(row(term.row) + 6, line, 73), 0);
    for (unsigned i = 0; i < 150; i++)
        type("\6");
    term_show();
    cr_expect_eq(row(term.row)[term.col], line[150]);
    type("!");
    term_show();
    cr_expect_eq(row(term.row)[term.col - 1], '!');
    cr_expect_eq(type("\r"), LINE_DONE);
    cr_expect_eq(strlen(ed.text), 200);
}

Test(line_editor, cancel_and_clear)
{
    type("abc");
    cr_expect_eq(type("\3"), LINE_CANCEL);
    raw[raw_len] = '\0';
    cr_expect_str_eq(raw, "dom0# abc^C\r\n");
    begin();
    shows("x\14", "x", 1);
    cr_expect_eq(term.row, 0);
}

Test(line_editor, too_much_is_not_run)
{
    for (unsigned i = 0; i < LINE_MAX_BYTES; i++)
        type("y");
    cr_expect_eq(type("\r"), LINE_TOO_LONG);
    begin();
    cr_expect_eq(type("ok\r"), LINE_DONE);
}

Test(line_editor, unknown_sequences_do_nothing)
{
    shows("ab\33[99~\33[5;5~\33[Z\33OP\33z\7\17", "ab", 2);
    shows("\33[1;2Cc", "abc", 3);
}

Test(line_editor, random_keys_keep_text_and_screen_equal)
{
    static const char *const keys[] = { "a",  "b ",  "\x7f", "\33[D", "\33[C", "\1",   "\5",
                                        "\4", "\27", "\31",  "\13",   "\33b",  "\33f", "\xc3\xa4" };
    char expected[LINE_MAX_BYTES + 8];

    for (unsigned seed = 1; seed < 200; seed++) {
        memset(&term, 0, sizeof(term));
        raw_len = 0;
        begin();
        srand(seed);
        for (unsigned i = 0; i < 60; i++)
            type(keys[(unsigned)rand() % (sizeof(keys) / sizeof(keys[0]))]);
        if (ed.len > 60)
            continue;
        term_show();
        snprintf(expected, sizeof(expected), "dom0# %s", ed.text);
        trim(expected);
        cr_assert_str_eq(row(term.row), expected, "seed %u: '%s', not '%s'", seed, row(term.row), expected);
    }
}

Test(history, drops_the_oldest)
{
    char line[16];

    for (unsigned i = 0; i < HISTORY_LINES + 5; i++) {
        snprintf(line, sizeof(line), "line %u", i);
        history_add(&history, line);
    }
    history_add(&history, line);
    history_add(&history, "");
    history_add(&history, " secret");
    cr_expect_eq(history.next, HISTORY_LINES + 5);
    cr_expect_eq(history_first(&history), 5);
    cr_expect_null(history_get(&history, 4));
    cr_expect_str_eq(history_get(&history, 5), "line 5");
    cr_expect_null(history_get(&history, history.next));
    history_clear(&history);
}
