/* SPDX-License-Identifier: MIT */
#include "dom0_tools/shell/table.h"

#include <stdio.h>
#include <string.h>

#define LINE_SIZE 512

/* One row: words row, row + rows, row + 2 * rows ... */
static void emit_row(char *const *words, size_t nr, size_t row, size_t rows, size_t column_width,
                     table_line_fn fn, void *ctx)
{
    char line[LINE_SIZE] = "";
    size_t len = 0;

    for (size_t i = row; i < nr && len < sizeof(line) - 1; i += rows) {
        int pad = i + rows < nr ? (int)column_width : 0;

        len += (size_t)snprintf(line + len, sizeof(line) - len, "%-*s", pad, words[i]);
    }
    fn(ctx, line);
}

void table_columns(char *const *words, size_t nr, size_t width, table_line_fn fn, void *ctx)
{
    size_t widest = 1, per_row, rows;

    for (size_t i = 0; i < nr; i++)
        widest = strlen(words[i]) > widest ? strlen(words[i]) : widest;
    per_row = width / (widest + 2);
    if (per_row == 0)
        per_row = 1;
    rows = (nr + per_row - 1) / per_row;
    for (size_t row = 0; row < rows; row++)
        emit_row(words, nr, row, rows, widest + 2, fn, ctx);
}
