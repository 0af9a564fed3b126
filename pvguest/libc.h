/* SPDX-License-Identifier: MIT */
/* What the C library (newlib) needs around main(). Its system calls themselves are declared by its own
 * headers. */
#ifndef PVGUEST_LIBC_H
#define PVGUEST_LIBC_H

#include <stdbool.h>

/* Start of day, in the first thread: standard streams. */
void libc_init(void);

/* Whether getentropy() gives what keys can be made of: the CPU has a generator. */
bool libc_entropy_is_good(void);

/*
 * Splits a command line at white space into arguments; '...' and "..." keep white space, \ keeps the next
 * character. Words at its beginning of the form NAME=value, where NAME has capitals, digits and _ only,
 * become environment variables; argv[0] is "guest". Returns argc; *argv is NULL-terminated and stays.
 */
int libc_parse_command_line(const char *line, char ***argv);

#endif
