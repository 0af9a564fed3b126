/* SPDX-License-Identifier: MIT */
/*
 * A line editor for serial terminals, fed byte by byte; it neither reads nor waits.
 *
 * Two kinds of input come: a person at a terminal, and lines piped in, whose transcript should show the
 * prompt and the line and nothing else. So characters typed at the end of the line are echoed as they are and
 * wrap as the terminal does; escape sequences are sent only when something is edited. A line that is wider
 * than the terminal is then shown as a window that scrolls sideways. Text is UTF-8, each code point one
 * column wide; other bytes pass through.
 *
 * Keys: arrows, Home, End, Delete, Backspace, Tab; Ctrl-A -E -B -F -P -N -D -H -K -U -W -Y -L -C; Alt-B -F -D
 * and Alt-Backspace, Ctrl-Left, Ctrl-Right by words.
 */
#ifndef DOM0_SHELL_LINE_EDITOR_H
#define DOM0_SHELL_LINE_EDITOR_H

#include <stdbool.h>
#include <stddef.h>

#include "dom0_tools/shell/history.h"

#define LINE_MAX_BYTES 1024
#define LINE_COLUMNS   80

/* The words that could stand where the cursor is. */
struct completions {
    char **word; /* sorted, each once; owned */
    size_t nr;
    size_t start; /* offset in the line of the part that the words replace */
};

/* Adds a copy of a word. Words that end in '/' are not followed by a space when they are inserted. */
void completions_add(struct completions *list, const char *word);
void completions_free(struct completions *list);

struct line_editor_ops {
    void (*write)(void *ctx, const char *data, size_t len);
    /* Fills list for the text before the cursor, list->start being the cursor on entry; may be NULL. */
    void (*complete)(void *ctx, const char *before_cursor, struct completions *list);
    void *ctx;
};

enum line_state {
    LINE_MORE,     /* goes on */
    LINE_DONE,     /* Enter: the line is complete */
    LINE_CANCEL,   /* Ctrl-C: the line is to be dropped */
    LINE_TOO_LONG, /* Enter, but the line had more than LINE_MAX_BYTES - 1 bytes: what is there is not all */
};

struct line_editor {
    struct line_editor_ops ops;
    struct history *history; /* may be NULL */
    const char *prompt;

    char text[LINE_MAX_BYTES]; /* terminated */
    size_t len, cursor;        /* in bytes */
    char killed[LINE_MAX_BYTES];
    size_t history_at; /* number of the line shown; history->next for the new one */
    char unsent[LINE_MAX_BYTES];

    unsigned escape; /* state of an escape sequence, see line_editor.c */
    unsigned escape_number[2], escape_field;
    bool after_cr, after_tab, overflow;

    /* What the terminal shows: the text from byte `window` on, or text that has wrapped. */
    size_t window;
    bool wrapped;

    char out[256];
    size_t out_len;
};

void line_editor_init(struct line_editor *ed, const struct line_editor_ops *ops, struct history *history);

/* Shows the prompt (plain ASCII) and begins an empty line. */
void line_editor_begin(struct line_editor *ed, const char *prompt);

/* Takes one byte. After anything but LINE_MORE the line stands in ed->text until line_editor_begin(). */
enum line_state line_editor_feed(struct line_editor *ed, char byte);

#endif
