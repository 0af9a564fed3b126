/* SPDX-License-Identifier: MIT */
/* Assembles the bytes that a domain prints into whole lines. */
#ifndef HV_IO_CONSOLE_LINE_H
#define HV_IO_CONSOLE_LINE_H

#include "hv/lib/types.h"

struct console_line {
    char *buf;     /* storage, always terminated */
    uint16_t *len; /* bytes in it */
    uint16_t size;
};

/*
 * Adds one byte. True when a line is complete (by line feed, or because the storage is full): the caller
 * prints l->buf and then calls console_line_reset(). Carriage returns and other control characters except tab
 * are dropped.
 */
bool console_line_add(struct console_line *l, char c);
void console_line_reset(struct console_line *l);

#endif
