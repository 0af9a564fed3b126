/* SPDX-License-Identifier: MIT */
/*
 * The daemon's end of a PV console ring (<xen/io/console.h>). The page is the guest's: it may hold anything
 * at any moment, so indices are read once and believed only as far as the ring is large.
 */
#ifndef DOM0_CONSOLED_CONSOLE_RING_H
#define DOM0_CONSOLED_CONSOLE_RING_H

#include <stddef.h>
#include <stdint.h>
#include <xen/io/console.h>

/* Takes up to `length` bytes of what the guest printed; returns how many. A ring whose indices are further
 * apart than it is large is emptied unread. */
size_t console_ring_take(struct xencons_interface *ring, char *data, size_t length);

/* Gives the guest up to `length` bytes of input, as many as its ring has room for; returns how many. */
size_t console_ring_give(struct xencons_interface *ring, const char *data, size_t length);

#endif
