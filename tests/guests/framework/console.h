/* SPDX-License-Identifier: MIT */
/* The console: CONSOLEIO_write for the initial domain, the PV console ring for every other. */
#ifndef GUESTS_CONSOLE_H
#define GUESTS_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <xen/xen.h>

/* Chooses the console from start_info; needs memory_init(). */
void console_init(const start_info_t *si);
/* Writes all bytes; waits for the ring's reader. Callable on any vCPU, in kernel mode only. */
void console_write(const char *text, size_t len);

/*
 * Closes the console's port, for a test that needs a domain without ports; until console_reopen_port() the
 * ring holds what is written. False, and nothing closed: there are other ports, or somebody is bound to this
 * one.
 */
bool console_close_port(void);
/* False: the number is taken. Ryokan reads the ring whenever its owner sends on an unbound port of that
 * number. */
bool console_reopen_port(void);

#endif
