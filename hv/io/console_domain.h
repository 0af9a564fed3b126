/* SPDX-License-Identifier: MIT */
/*
 * Consoles of domains that the hypervisor itself built: the hypervisor is the backend of their console ring
 * (xen/io/console.h) and prints their output line by line behind the domain's name. Output of domains through
 * CONSOLEIO_write takes the same way.
 */
#ifndef HV_IO_CONSOLE_DOMAIN_H
#define HV_IO_CONSOLE_DOMAIN_H

#include "hv/lib/types.h"

struct domain;

/* d's console ring and event port were set up (d->console_ring, d->console_port); input can be switched to
 * it. */
void console_domain_attach(struct domain *d);
/* d notified its console port: print what is in the output ring. No lock above LOCK_EVTCHN may be held. */
void console_domain_notify(struct domain *d);
/* Input for d: false when its ring is full (the byte is lost) or it has no ring. */
bool console_domain_input(struct domain *d, char c);

/* Prints bytes of d with the prefix, complete lines at once; control characters other than tab are left out.
 */
void console_domain_write(struct domain *d, const char *s, size_t n);
/* Print a line that was begun, with a line end (the domain dies). */
void console_domain_flush(struct domain *d);

#endif
