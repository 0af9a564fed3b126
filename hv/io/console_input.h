/* SPDX-License-Identifier: MIT */
/*
 * Console input: who has it, and the way of the bytes to dom0 and to the domains that were built at boot.
 * Three times Ctrl-A (conswitch=) hands the input on: hypervisor, dom0, each boot domain in turn.
 */
#ifndef HV_IO_CONSOLE_INPUT_H
#define HV_IO_CONSOLE_INPUT_H

#include "hv/lib/types.h"

struct domain;

/* Starts input: by the serial lines' interrupts, or by a timer where a line has none. @pre interrupts and
 * timers work. */
void console_input_init(void);
/* dom0 runs now: gives it the input unless conswitch=<c>x says otherwise. */
void console_input_to_dom0(void);

/* dom0's CONSOLEIO_read: takes up to `size` received bytes. */
size_t console_input_read(char *buf, size_t size);

/* The same for a boot domain (hv/io/console_domain.c): its input ring is in the list of receivers. */
void console_input_add_domain(const struct domain *d);

/* Whether the user types to d now. */
bool console_input_goes_to(const struct domain *d);

/* One received byte, from any line; also used by tests. No lock may be held. */
void console_input_byte(char c);

#endif
