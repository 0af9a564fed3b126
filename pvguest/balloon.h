/* SPDX-License-Identifier: MIT */
/*
 * The balloon: gives pages of this domain back to the hypervisor and takes them again, as the toolstack
 * asks in xenstore (`xl mem-set`; the node memory/target, in KiB). It goes as far down as pages are free, and
 * up to what memory/static-max allows (xl.cfg's maxmem).
 */
#ifndef PVGUEST_BALLOON_H
#define PVGUEST_BALLOON_H

#include <stddef.h>

/* Starts the thread that follows memory/target. Once; 0 or an errno of <errno.h>. */
int balloon_start(void);

/* Changes how many pages the domain has, as near to that number as can be; returns how many it has. Threads
 * only, one at a time; not beside balloon_start(). */
size_t balloon_set(size_t pages);

#endif
