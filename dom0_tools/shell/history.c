/* SPDX-License-Identifier: MIT */
#include "dom0_tools/shell/history.h"

#include <stdlib.h>
#include <string.h>

size_t history_first(const struct history *history)
{
    return history->next > HISTORY_LINES ? history->next - HISTORY_LINES : 0;
}

const char *history_get(const struct history *history, size_t n)
{
    return n >= history_first(history) && n < history->next ? history->line[n % HISTORY_LINES] : NULL;
}

void history_add(struct history *history, const char *line)
{
    const char *last = history->next > 0 ? history_get(history, history->next - 1) : NULL;
    char *copy;

    if (line[0] == '\0' || line[0] == ' ' || (last != NULL && strcmp(last, line) == 0))
        return;
    copy = strdup(line);
    if (copy == NULL)
        return;
    free(history->line[history->next % HISTORY_LINES]);
    history->line[history->next % HISTORY_LINES] = copy;
    history->next++;
}

void history_clear(struct history *history)
{
    for (size_t i = 0; i < HISTORY_LINES; i++)
        free(history->line[i]);
    *history = (struct history){ 0 };
}
