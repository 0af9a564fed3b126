/* SPDX-License-Identifier: MIT */
/* A command line cut into words. */
#ifndef DOM0_SHELL_WORDS_H
#define DOM0_SHELL_WORDS_H

#include <stddef.h>

#define WORDS_MAX 64

struct words {
    int argc;
    char *argv[WORDS_MAX + 1]; /* argv[argc] is NULL */
    char text[1024];           /* what argv points into */
};

/*
 * Words stand between spaces. 'single' and "double" quotes keep spaces, a backslash keeps the next character
 * (not within single quotes), and a word that begins with # begins a comment. Returns NULL, or a sentence
 * that says what is wrong with the line.
 */
const char *words_split(struct words *words, const char *line);

#endif
