/* SPDX-License-Identifier: MIT */
#include "dom0_tools/shell/line_editor.h"
#include "dom0_tools/shell/table.h"

#include <stdio.h>
#include <string.h>

#define CTRL(letter) ((letter) - '@')
#define KEY_ESCAPE   27
#define KEY_DELETE   127

/* States of an escape sequence: none, after ESC, after ESC [ (with numbers), after ESC O. */
enum { ESCAPE_NONE, ESCAPE_BEGUN, ESCAPE_CSI, ESCAPE_SS3 };

/* ---- output ---- */

static void out_flush(struct line_editor *ed)
{
    if (ed->out_len > 0)
        ed->ops.write(ed->ops.ctx, ed->out, ed->out_len);
    ed->out_len = 0;
}

static void out(struct line_editor *ed, const char *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (ed->out_len == sizeof(ed->out))
            out_flush(ed);
        ed->out[ed->out_len++] = data[i];
    }
}

static void out_text(struct line_editor *ed, const char *text)
{
    out(ed, text, strlen(text));
}

/* ---- text ---- */

static bool is_continuation(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

static size_t next_char(const struct line_editor *ed, size_t at)
{
    if (at < ed->len)
        at++;
    while (at < ed->len && is_continuation(ed->text[at]))
        at++;
    return at;
}

static size_t previous_char(const struct line_editor *ed, size_t at)
{
    if (at > 0)
        at--;
    while (at > 0 && is_continuation(ed->text[at]))
        at--;
    return at;
}

/* Words are what stands between spaces. */
static size_t next_word(const struct line_editor *ed, size_t at)
{
    while (at < ed->len && ed->text[at] == ' ')
        at++;
    while (at < ed->len && ed->text[at] != ' ')
        at++;
    return at;
}

static size_t previous_word(const struct line_editor *ed, size_t at)
{
    while (at > 0 && ed->text[at - 1] == ' ')
        at--;
    while (at > 0 && ed->text[at - 1] != ' ')
        at--;
    return at;
}

static size_t columns(const struct line_editor *ed, size_t from, size_t to)
{
    size_t n = 0;

    for (size_t i = from; i < to; i++)
        n += !is_continuation(ed->text[i]);
    return n;
}

/* Columns that the text may take; the last one stays free, because terminals differ in when they wrap. */
static size_t room(const struct line_editor *ed)
{
    return LINE_COLUMNS - 1 - strlen(ed->prompt);
}

/* ---- display ---- */

/* Moves the window so that the cursor is in it, in steps of half the room. */
static void scroll(struct line_editor *ed)
{
    if (columns(ed, 0, ed->len) <= room(ed)) {
        ed->window = 0;
        return;
    }
    while (ed->cursor < ed->window || columns(ed, ed->window, ed->cursor) > room(ed)) {
        bool back = ed->cursor < ed->window;

        for (size_t i = 0; i < room(ed) / 2; i++)
            ed->window = back ? previous_char(ed, ed->window) : next_char(ed, ed->window);
    }
}

/* Draws prompt, window and cursor on the current row. Wrapped text is left where it is. */
static void redraw(struct line_editor *ed)
{
    char move[16];
    size_t end;

    if (ed->wrapped)
        out_text(ed, "\n");
    ed->wrapped = false;
    scroll(ed);
    end = ed->window;
    while (end < ed->len && columns(ed, ed->window, end) < room(ed))
        end = next_char(ed, end);
    out_text(ed, "\r");
    out_text(ed, ed->prompt);
    out(ed, ed->text + ed->window, end - ed->window);
    out_text(ed, "\33[K");
    if (ed->cursor != end) {
        snprintf(move, sizeof(move), "\r\33[%zuC", strlen(ed->prompt) + columns(ed, ed->window, ed->cursor));
        out_text(ed, move);
    }
}

static void beep(struct line_editor *ed)
{
    out_text(ed, "\a");
}

/* ---- editing ---- */

static void set_text(struct line_editor *ed, const char *text)
{
    snprintf(ed->text, sizeof(ed->text), "%s", text);
    ed->len = ed->cursor = strlen(ed->text);
    redraw(ed);
}

/* Whether the bytes before the cursor end with a whole code point (or with what is none). */
static bool char_is_whole(const struct line_editor *ed)
{
    size_t start = previous_char(ed, ed->cursor);
    unsigned char lead = (unsigned char)ed->text[start];
    size_t expected = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;

    return ed->cursor - start >= expected;
}

/* Inserts without drawing; false if there is no room. */
static bool insert_text(struct line_editor *ed, const char *data, size_t n)
{
    if (n >= sizeof(ed->text) - ed->len)
        return false;
    memmove(ed->text + ed->cursor + n, ed->text + ed->cursor, ed->len - ed->cursor + 1);
    memcpy(ed->text + ed->cursor, data, n);
    ed->len += n;
    ed->cursor += n;
    return true;
}

static void insert_byte(struct line_editor *ed, char c)
{
    bool at_end = ed->cursor == ed->len;

    if (!insert_text(ed, &c, 1)) {
        ed->overflow = true;
        beep(ed);
    } else if (at_end && ed->window == 0) {
        out(ed, &c, 1);
        ed->wrapped = columns(ed, 0, ed->len) > room(ed);
    } else if (char_is_whole(ed)) {
        redraw(ed);
    }
}

static void delete_range(struct line_editor *ed, size_t from, size_t to)
{
    bool last_column = from + 1 == to && to == ed->len && ed->cursor == to && ed->window == 0 && !ed->wrapped;

    memmove(ed->text + from, ed->text + to, ed->len - to + 1);
    ed->len -= to - from;
    ed->cursor = from;
    if (last_column)
        out_text(ed, "\b \b");
    else
        redraw(ed);
}

static void kill_range(struct line_editor *ed, size_t from, size_t to)
{
    if (from == to)
        return;
    memcpy(ed->killed, ed->text + from, to - from);
    ed->killed[to - from] = '\0';
    delete_range(ed, from, to);
}

static void move_to(struct line_editor *ed, size_t at)
{
    if (at == ed->cursor)
        return;
    ed->cursor = at;
    redraw(ed);
}

/* Shows another line of the history; the new line is kept while others are looked at. */
static void show_history(struct line_editor *ed, size_t n)
{
    const char *line;

    if (ed->history == NULL || n == ed->history_at || n > ed->history->next)
        return;
    line = n == ed->history->next ? ed->unsent : history_get(ed->history, n);
    if (line == NULL)
        return;
    if (ed->history_at == ed->history->next)
        memcpy(ed->unsent, ed->text, ed->len + 1);
    ed->history_at = n;
    set_text(ed, line);
}

/* ---- completion ---- */

static size_t common_prefix(const struct completions *list)
{
    size_t n = strlen(list->word[0]);

    for (size_t i = 1; i < list->nr; i++) {
        size_t k = 0;

        while (k < n && list->word[i][k] == list->word[0][k])
            k++;
        n = k;
    }
    return n;
}

static void list_line(void *ctx, const char *line)
{
    struct line_editor *ed = ctx;

    out_text(ed, line);
    out_text(ed, "\r\n");
}

static void show_candidates(struct line_editor *ed, const struct completions *list)
{
    out_text(ed, "\r\n");
    table_columns(list->word, list->nr, LINE_COLUMNS, list_line, ed);
    ed->wrapped = false;
    redraw(ed);
}

/* Inserts what all candidates have in common; a lone one is finished with a space. */
static void apply_completions(struct line_editor *ed, const struct completions *list)
{
    size_t typed = ed->cursor - list->start, common = common_prefix(list);
    bool changed = false;

    if (common > typed)
        changed = insert_text(ed, list->word[0] + typed, common - typed);
    if (list->nr == 1 && common > 0 && list->word[0][common - 1] != '/')
        changed |= insert_text(ed, " ", 1);
    if (changed)
        redraw(ed);
    else if (ed->after_tab && list->nr > 1)
        show_candidates(ed, list);
    else
        beep(ed);
}

static void complete(struct line_editor *ed)
{
    struct completions list = { .start = ed->cursor };
    char before[LINE_MAX_BYTES];

    memcpy(before, ed->text, ed->cursor);
    before[ed->cursor] = '\0';
    if (ed->ops.complete != NULL)
        ed->ops.complete(ed->ops.ctx, before, &list);
    if (list.nr == 0)
        beep(ed);
    else
        apply_completions(ed, &list);
    completions_free(&list);
}

/* ---- keys ---- */

static void line_start(struct line_editor *ed)
{
    move_to(ed, 0);
}

static void line_end(struct line_editor *ed)
{
    move_to(ed, ed->len);
}

static void char_left(struct line_editor *ed)
{
    move_to(ed, previous_char(ed, ed->cursor));
}

static void char_right(struct line_editor *ed)
{
    move_to(ed, next_char(ed, ed->cursor));
}

static void word_left(struct line_editor *ed)
{
    move_to(ed, previous_word(ed, ed->cursor));
}

static void word_right(struct line_editor *ed)
{
    move_to(ed, next_word(ed, ed->cursor));
}

static void history_back(struct line_editor *ed)
{
    if (ed->history_at > 0)
        show_history(ed, ed->history_at - 1);
}

static void history_forward(struct line_editor *ed)
{
    show_history(ed, ed->history_at + 1);
}

static void erase_left(struct line_editor *ed)
{
    if (ed->cursor > 0)
        delete_range(ed, previous_char(ed, ed->cursor), ed->cursor);
}

static void erase_right(struct line_editor *ed)
{
    if (ed->cursor < ed->len)
        delete_range(ed, ed->cursor, next_char(ed, ed->cursor));
}

static void kill_to_start(struct line_editor *ed)
{
    kill_range(ed, 0, ed->cursor);
}

static void kill_to_end(struct line_editor *ed)
{
    kill_range(ed, ed->cursor, ed->len);
}

static void kill_word_left(struct line_editor *ed)
{
    kill_range(ed, previous_word(ed, ed->cursor), ed->cursor);
}

static void kill_word_right(struct line_editor *ed)
{
    kill_range(ed, ed->cursor, next_word(ed, ed->cursor));
}

static void yank(struct line_editor *ed)
{
    if (insert_text(ed, ed->killed, strlen(ed->killed)))
        redraw(ed);
    else
        beep(ed);
}

static void clear_screen(struct line_editor *ed)
{
    out_text(ed, "\33[H\33[2J");
    ed->wrapped = false;
    redraw(ed);
}

static void begin_escape(struct line_editor *ed)
{
    ed->escape = ESCAPE_BEGUN;
}

struct key {
    char code;
    void (*fn)(struct line_editor *ed);
};

static const struct key control_keys[] = {
    { CTRL('A'), line_start },   { CTRL('B'), char_left },     { CTRL('D'), erase_right },
    { CTRL('E'), line_end },     { CTRL('F'), char_right },    { CTRL('H'), erase_left },
    { CTRL('K'), kill_to_end },  { CTRL('L'), clear_screen },  { CTRL('N'), history_forward },
    { CTRL('P'), history_back }, { CTRL('U'), kill_to_start }, { CTRL('W'), kill_word_left },
    { CTRL('Y'), yank },         { '\t', complete },           { KEY_ESCAPE, begin_escape },
    { KEY_DELETE, erase_left },
};

/* ESC and a character. */
static const struct key alt_keys[] = {
    { 'b', word_left },       { 'f', word_right }, { 'd', kill_word_right }, { KEY_DELETE, kill_word_left },
    { '\b', kill_word_left },
};

/* The last character of ESC [ ... or ESC O ... */
static const struct key cursor_keys[] = {
    { 'A', history_back }, { 'B', history_forward }, { 'C', char_right },
    { 'D', char_left },    { 'F', line_end },        { 'H', line_start },
};

/* The same with Ctrl or Alt held. */
static const struct key word_keys[] = { { 'C', word_right }, { 'D', word_left } };

/* The number of ESC [ number ~ */
static const struct key numbered_keys[] = {
    { 1, line_start }, { 7, line_start }, { 4, line_end }, { 8, line_end }, { 3, erase_right },
};

static bool press(struct line_editor *ed, const struct key *keys, size_t nr, unsigned code)
{
    for (size_t i = 0; i < nr; i++) {
        if ((unsigned)keys[i].code == code) {
            keys[i].fn(ed);
            return true;
        }
    }
    return false;
}

#define PRESS(ed, keys, code) press(ed, keys, sizeof(keys) / sizeof((keys)[0]), code)

static void end_escape(struct line_editor *ed, unsigned char c)
{
    bool with_modifier = ed->escape_number[1] != 0;

    ed->escape = ESCAPE_NONE;
    if (c == '~')
        PRESS(ed, numbered_keys, ed->escape_number[0]);
    else if (!with_modifier || !PRESS(ed, word_keys, c))
        PRESS(ed, cursor_keys, c);
}

/* Goes on with an escape sequence. */
static void feed_escape(struct line_editor *ed, unsigned char c)
{
    unsigned *number = &ed->escape_number[ed->escape_field];

    if (ed->escape == ESCAPE_BEGUN && (c == '[' || c == 'O')) {
        ed->escape = c == '[' ? ESCAPE_CSI : ESCAPE_SS3;
        ed->escape_number[0] = ed->escape_number[1] = ed->escape_field = 0;
    } else if (ed->escape == ESCAPE_BEGUN) {
        ed->escape = ESCAPE_NONE;
        PRESS(ed, alt_keys, c);
    } else if (ed->escape == ESCAPE_CSI && c >= '0' && c <= '9') {
        *number = (*number * 10 + c - '0') % 1000;
    } else if (ed->escape == ESCAPE_CSI && c == ';') {
        ed->escape_field = 1;
    } else {
        end_escape(ed, c);
    }
}

/* Leaves the line: the terminal's cursor goes behind all of it. */
static enum line_state finish(struct line_editor *ed, enum line_state state)
{
    if (ed->cursor != ed->len && !ed->wrapped)
        move_to(ed, ed->len);
    out_text(ed, state == LINE_CANCEL ? "^C\r\n" : "\r\n");
    out_flush(ed);
    return state;
}

void line_editor_init(struct line_editor *ed, const struct line_editor_ops *ops, struct history *history)
{
    memset(ed, 0, sizeof(*ed));
    ed->ops = *ops;
    ed->history = history;
    ed->prompt = "";
}

void line_editor_begin(struct line_editor *ed, const char *prompt)
{
    ed->prompt = prompt;
    ed->text[0] = ed->unsent[0] = '\0';
    ed->len = ed->cursor = ed->window = 0;
    ed->wrapped = ed->overflow = false;
    ed->escape = ESCAPE_NONE;
    ed->history_at = ed->history == NULL ? 0 : ed->history->next;
    out_text(ed, prompt);
    out_flush(ed);
}

enum line_state line_editor_feed(struct line_editor *ed, char byte)
{
    bool second_of_crlf = byte == '\n' && ed->after_cr;

    ed->after_cr = byte == '\r';
    if (second_of_crlf)
        return LINE_MORE;
    if (ed->escape != ESCAPE_NONE)
        feed_escape(ed, (unsigned char)byte);
    else if (byte == '\r' || byte == '\n')
        return finish(ed, ed->overflow ? LINE_TOO_LONG : LINE_DONE);
    else if (byte == CTRL('C'))
        return finish(ed, LINE_CANCEL);
    else if ((unsigned char)byte < ' ' || byte == KEY_DELETE)
        PRESS(ed, control_keys, (unsigned char)byte);
    else
        insert_byte(ed, byte);
    ed->after_tab = byte == '\t';
    out_flush(ed);
    return LINE_MORE;
}
