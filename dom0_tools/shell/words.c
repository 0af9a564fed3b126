/* SPDX-License-Identifier: MIT */
#include "dom0_tools/shell/words.h"

#include <string.h>

struct splitter {
    const char *in;
    char *out, *end;
};

static const char *put(struct splitter *s, char c)
{
    if (s->out == s->end)
        return "the line is too long";
    *s->out++ = c;
    return NULL;
}

/* Takes a character that a backslash keeps. */
static const char *take_escaped(struct splitter *s)
{
    if (*s->in == '\0')
        return "there is nothing behind the last backslash";
    return put(s, *s->in++);
}

/* Takes what stands up to the closing quote, which is in *s->in - 1. */
static const char *take_quoted(struct splitter *s, char quote)
{
    const char *error = NULL;

    while (error == NULL && *s->in != quote) {
        char c = *s->in;

        if (c == '\0')
            return quote == '"' ? "a \" is not closed" : "a ' is not closed";
        s->in++;
        error = c == '\\' && quote == '"' ? take_escaped(s) : put(s, c);
    }
    s->in++;
    return error;
}

static const char *take_word(struct splitter *s)
{
    const char *error = NULL;

    while (error == NULL && *s->in != '\0' && strchr(" \t", *s->in) == NULL) {
        char c = *s->in++;

        if (c == '"' || c == '\'')
            error = take_quoted(s, c);
        else if (c == '\\')
            error = take_escaped(s);
        else
            error = put(s, c);
    }
    return error == NULL ? put(s, '\0') : error;
}

const char *words_split(struct words *words, const char *line)
{
    struct splitter s = { .in = line, .out = words->text, .end = words->text + sizeof(words->text) };
    const char *error;

    words->argc = 0;
    for (;;) {
        s.in += strspn(s.in, " \t");
        if (*s.in == '\0' || *s.in == '#')
            break;
        if (words->argc == WORDS_MAX)
            return "there are too many words";
        words->argv[words->argc] = s.out;
        error = take_word(&s);
        if (error != NULL)
            return error;
        words->argc++;
    }
    words->argv[words->argc] = NULL;
    return NULL;
}
