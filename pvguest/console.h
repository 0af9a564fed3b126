/* SPDX-License-Identifier: MIT */
/*
 * The console: the hypervisor's serial line in the initial domain, the PV console ring elsewhere. Writing
 * works from the first instruction on and in any context; stdin, stdout and stderr are built on this.
 */
#ifndef PVGUEST_CONSOLE_H
#define PVGUEST_CONSOLE_H

#include <stddef.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/queue.h>

struct semaphore;

/* Writes all bytes. Waits for the reader of a full ring: a thread sleeps, other code polls. */
void console_write(const char *data, size_t length);

/* Formats into 256 bytes at most and writes them; integer and string conversions only. Any context. */
void console_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));
void console_vprintf(const char *format, va_list args) __attribute__((format(printf, 1, 0)));

/* Reads what is there, at least one and at most length bytes, waiting for the first until the deadline
 * (time_ns(); TIME_NEVER: none). Returns the number of bytes, 0 at the deadline or when interrupted. Bytes
 * come as typed: no echo, no line editing, Enter is \r. Threads only. */
size_t console_read(char *data, size_t length, uint64_t deadline);

/* Has the thread that waits in console_read(), or else the next that does, return at once. Any context on
 * vCPU 0. */
void console_interrupt(void);

/* Somebody to signal whenever there may be something new to read. */
struct console_listener {
    LIST_ENTRY(console_listener) next;
    struct semaphore *signal;
};

/* From now on, or no more, the listener's semaphore is raised. Threads only. */
void console_listen(struct console_listener *listener);
void console_unlisten(struct console_listener *listener);

/* Start of day: chooses the console; later, when events work: begins to receive. */
void console_early_init(void);
void console_init(void);

#endif
