/* SPDX-License-Identifier: MIT */
#include "pvguest/libc.h"
#include "pvguest/panic.h"
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Copies the next word to *out without its quotes, and ends it. Returns where the line goes on, or NULL if
 * there is no word. */
static const char *next_word(const char *line, char **out)
{
    char quote = '\0';

    while (is_space(*line))
        line++;
    if (!*line)
        return NULL;
    for (; *line && (quote || !is_space(*line)); line++) {
        if (*line == quote) {
            quote = '\0';
        } else if (!quote && (*line == '\'' || *line == '"')) {
            quote = *line;
        } else {
            if (*line == '\\' && quote != '\'' && line[1])
                line++;
            *(*out)++ = *line;
        }
    }
    *(*out)++ = '\0';
    return line;
}

static bool is_assignment(const char *word)
{
    size_t length = strspn(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");

    return length && word[length] == '=' && !(word[0] >= '0' && word[0] <= '9');
}

int libc_parse_command_line(const char *line, char ***argv)
{
    static char name[] = "guest";
    size_t length = strlen(line);
    char *words = malloc(length + 2);
    char **args = calloc(length / 2 + 3, sizeof(*args));
    bool at_start = true;
    int argc = 0;

    if (!words || !args)
        panic("no memory for the command line");
    args[argc++] = name;
    for (;;) {
        char *word = words;

        line = next_word(line, &words);
        if (!line)
            break;
        at_start = at_start && is_assignment(word);
        if (at_start)
            putenv(word);
        else
            args[argc++] = word;
    }
    *argv = args;
    return argc;
}
