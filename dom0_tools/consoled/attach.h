/* SPDX-License-Identifier: MIT */
/* A person at this domain's console reads and types on another domain's. */
#ifndef DOM0_CONSOLED_ATTACH_H
#define DOM0_CONSOLED_ATTACH_H

#include <stdbool.h>
#include <stdint.h>
#include <xen/xen.h>

/* What leaves the domain's console: Ctrl-]. */
#define CONSOLE_LEAVE '\x1d'

/*
 * Connects the console to the domain's from its first byte on, until the user leaves or the domain has gone
 * and all that it printed is shown; *left says which. Errors as console_reader_open(). Nothing that the
 * domain prints is missed, even if it ends at once, when `begin` (NULL: it runs already) is what starts it:
 * it is called when the console is open, and its result, unless 0, ends the call and is returned.
 */
int console_attach(domid_t domid, int (*begin)(domid_t domid), bool *left);

#endif
