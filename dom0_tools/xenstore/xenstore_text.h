/* SPDX-License-Identifier: MIT */
/* Values as users write and read them. */
#ifndef DOM0_XENSTORE_TEXT_H
#define DOM0_XENSTORE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* Printable characters as they are, others as \n, \t, \r, \\ or \xHH. Allocated; NULL: no memory. */
char *xenstore_escape(const char *value, size_t len);

/* The reverse, in place; the new length. False: a backslash that means nothing. */
bool xenstore_unescape(char *text, size_t *len);

#endif
