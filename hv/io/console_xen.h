/* SPDX-License-Identifier: MIT */
/*
 * The PV console of Ryokan as a guest (<xen/io/console.h>): a ring in a page that the outer hypervisor's
 * toolstack serves. It is one more line of the console (hv/io/console.c), which serialises all calls but
 * those for input.
 */
#ifndef HV_IO_CONSOLE_XEN_H
#define HV_IO_CONSOLE_XEN_H

#include "hv/io/serial.h"

/* Its number among the console's ports, behind the serial lines. */
#define PORT_XEN SERIAL_PORTS

/* Opens the ring, if there is one: false on all real machines. @pre before mm_init */
bool console_xen_init(void);
bool console_xen_present(void);

/* Writes bytes as they are; waits for room. A reader that takes nothing for about a second is given up until
 * it reads again. */
void console_xen_write(const char *s, size_t n);
/* Tells the reader of what was written. */
void console_xen_flush(void);

/* The next byte that was typed, or -1. */
int console_xen_getc(void);
/* fn() runs on the boot CPU's entry path when there is input. 0; an error: poll. */
int console_xen_listen(void (*fn)(void));

/* The ring's physical page, which nobody else may write; 0: there is none. */
uint64_t console_xen_page(void);

#endif
