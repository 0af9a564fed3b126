/* SPDX-License-Identifier: MIT */
#include "hv/io/console_line.h"

bool console_line_add(struct console_line *l, char c)
{
    unsigned char u = (unsigned char)c;

    if (c == '\n')
        return true;
    /* A terminal obeys escape sequences: a guest must not clear the screen or forge another one's lines. */
    if ((u < ' ' && c != '\t') || u == 0x7f)
        return false;
    l->buf[(*l->len)++] = c;
    l->buf[*l->len] = '\0';
    return *l->len == l->size - 1;
}

void console_line_reset(struct console_line *l)
{
    *l->len = 0;
    l->buf[0] = '\0';
}
