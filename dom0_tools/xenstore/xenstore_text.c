/* SPDX-License-Identifier: MIT */
#include "dom0_tools/xenstore/xenstore_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Pairs of a letter and what it stands for. */
static const char escapes[] = "n\nt\tr\r\\\\";

static char letter_of(char c)
{
    for (const char *pair = escapes; *pair != '\0'; pair += 2)
        if (pair[1] == c)
            return pair[0];
    return '\0';
}

char *xenstore_escape(const char *value, size_t len)
{
    char *text = malloc(len * 4 + 1);
    size_t at = 0;

    for (size_t i = 0; text != NULL && i < len; i++) {
        unsigned char c = (unsigned char)value[i];

        if (letter_of(value[i]) != '\0')
            at += (size_t)sprintf(text + at, "\\%c", letter_of(value[i]));
        else if (c < ' ' || c > '~')
            at += (size_t)sprintf(text + at, "\\x%02x", c);
        else
            text[at++] = value[i];
    }
    if (text != NULL)
        text[at] = '\0';
    return text;
}

static int hex_digit(char c)
{
    const char *digits = "0123456789abcdef";
    const char *at = c != '\0' ? strchr(digits, c | 0x20) : NULL;

    return at != NULL ? (int)(at - digits) : -1;
}

/* *text is behind the backslash; moves it on. -1: not an escape. */
static int unescape_one(char **text)
{
    char c = *(*text)++;
    int high, low;

    for (const char *pair = escapes; *pair != '\0'; pair += 2)
        if (pair[0] == c)
            return pair[1];
    if (c != 'x' || (high = hex_digit(**text)) < 0 || (low = hex_digit((*text)[1])) < 0)
        return -1;
    *text += 2;
    return high * 16 + low;
}

bool xenstore_unescape(char *text, size_t *len)
{
    char *to = text;
    char *from = text;

    while (*from != '\0') {
        int c = (unsigned char)*from++;

        if (c == '\\' && (c = unescape_one(&from)) < 0)
            return false;
        *to++ = (char)c;
    }
    *to = '\0';
    *len = (size_t)(to - text);
    return true;
}
