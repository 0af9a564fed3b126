/* SPDX-License-Identifier: MIT */
/* Any bytes typed at dom0's prompt: the line stays within its bounds, the cursor on it, and its words within
 * theirs. */
/* fuzz-sources: dom0_tools/shell/line_editor.c dom0_tools/shell/completions.c dom0_tools/shell/history.c */
/* fuzz-sources: dom0_tools/shell/table.c dom0_tools/shell/words.c */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dom0_tools/shell/line_editor.h"
#include "dom0_tools/shell/words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void drop(void *ctx, const char *data, size_t len)
{
    for (size_t i = 0; i < len; i++)
        *(unsigned *)ctx += (unsigned char)data[i];
}

static void complete(void *ctx, const char *before_cursor, struct completions *list)
{
    const char *space = strrchr(before_cursor, ' ');

    (void)ctx;
    list->start = space == NULL ? 0 : (size_t)(space - before_cursor) + 1;
    for (unsigned i = 0; i < 3; i++) {
        static const char *const words[] = { "aaa/", "aab", "b" };

        if (strncmp(words[i], before_cursor + list->start, strlen(before_cursor + list->start)) == 0)
            completions_add(list, words[i]);
    }
}

static void check(const struct line_editor *ed)
{
    if (ed->len >= LINE_MAX_BYTES || ed->cursor > ed->len || ed->window > ed->len ||
        ed->text[ed->len] != '\0' || strlen(ed->text) > ed->len)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct history history = { 0 };
    struct line_editor ed;
    struct words words;
    unsigned sum = 0;
    const struct line_editor_ops ops = { .write = drop, .complete = complete, .ctx = &sum };

    line_editor_init(&ed, &ops, &history);
    line_editor_begin(&ed, "dom0# ");
    for (size_t i = 0; i < size; i++) {
        enum line_state state = line_editor_feed(&ed, (char)data[i]);

        check(&ed);
        if (state == LINE_MORE)
            continue;
        words_split(&words, ed.text);
        history_add(&history, ed.text);
        line_editor_begin(&ed, "dom0# ");
    }
    history_clear(&history);
    return 0;
}
