/* SPDX-License-Identifier: MIT */
/* newlib has these, with two underscores before their names. */
#include <stdio.h>

ssize_t __getdelim(char **line, size_t *size, int delimiter, FILE *stream);

ssize_t getdelim(char **line, size_t *size, int delimiter, FILE *stream)
{
    return __getdelim(line, size, delimiter, stream);
}

ssize_t getline(char **line, size_t *size, FILE *stream)
{
    return __getdelim(line, size, '\n', stream);
}
