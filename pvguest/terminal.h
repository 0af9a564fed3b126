/* SPDX-License-Identifier: MIT */
/*
 * The console as descriptors 0, 1 and 2: a terminal that hands over whole lines, shows what is typed, and
 * knows the usual keys (Backspace, Ctrl-U the line, Ctrl-W a word, Ctrl-D the end of the file, Ctrl-C a new
 * line). In raw mode bytes come as typed.
 */
#ifndef PVGUEST_TERMINAL_H
#define PVGUEST_TERMINAL_H

#include <stdbool.h>

struct file_ops;

extern const struct file_ops terminal_file_ops;

/* From the next read() on. What was typed and not yet read is lost. Threads only. */
void terminal_set_raw(bool raw);

/* Whether a read() would return at once. Threads only; waits while another thread reads. */
bool terminal_readable(void);

#endif
