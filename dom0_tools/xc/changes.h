/* SPDX-License-Identifier: MIT */
/* Which domains have ended: the hypervisor tells each end once, and several want to know. Threads only. */
#ifndef DOM0_XC_CHANGES_H
#define DOM0_XC_CHANGES_H

#include <stdbool.h>
#include <stdint.h>
#include <xen/xen.h>

/* What became of a domain. */
enum domain_change {
    DOMAIN_SHUT_DOWN,
    DOMAIN_GONE, /* or dying: it has given back what nobody else uses */
};

/*
 * Calls fn for each domain that has ended since the reader, whose *seen is 0 to begin with, last asked.
 * False: all domains have to be looked at instead. That is so on a hypervisor that does not tell (Xen
 * before 4.20), and when the reader has fallen far behind.
 */
bool xc_changes(uint64_t *seen, void (*fn)(domid_t domid, enum domain_change change, void *arg), void *arg);

#endif
