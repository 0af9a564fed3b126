/* SPDX-License-Identifier: MIT */
/* The console: CONSOLEIO_write for the initial domain, the PV console ring for every other. */
#ifndef GUESTS_CONSOLE_H
#define GUESTS_CONSOLE_H

#include <stddef.h>
#include <stdint.h>
#include <xen/xen.h>

/* Chooses the console from start_info; needs memory_init(). */
void console_init(const start_info_t *si);
/* Writes all bytes; waits for the ring's reader. Callable on any vCPU, in kernel mode only. */
void console_write(const char *text, size_t len);

#endif
