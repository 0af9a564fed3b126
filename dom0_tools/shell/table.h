/* SPDX-License-Identifier: MIT */
/* Text in columns. */
#ifndef DOM0_SHELL_TABLE_H
#define DOM0_SHELL_TABLE_H

#include <stddef.h>

/* Gets one finished line, without its end. */
typedef void (*table_line_fn)(void *ctx, const char *line);

/* Arranges words in as many equal columns as fit the width, in order down the columns, as `ls` does. */
void table_columns(char *const *words, size_t nr, size_t width, table_line_fn fn, void *ctx);

#endif
