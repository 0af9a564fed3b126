/* SPDX-License-Identifier: MIT */
/* The lines a user entered, oldest dropped first. */
#ifndef DOM0_SHELL_HISTORY_H
#define DOM0_SHELL_HISTORY_H

#include <stddef.h>

#define HISTORY_LINES 200

struct history {
    char *line[HISTORY_LINES]; /* a ring: number n (from 0) is line[n % HISTORY_LINES] */
    size_t next;               /* number of the next line */
};

/* Appends a copy. Empty lines, lines that begin with a space, and a repetition of the last line are not kept.
 */
void history_add(struct history *history, const char *line);

/* Line number n, counted from the first ever entered; NULL if it is not (or no more) kept. */
const char *history_get(const struct history *history, size_t n);

/* The number of the oldest line kept. */
size_t history_first(const struct history *history);

void history_clear(struct history *history);

#endif
