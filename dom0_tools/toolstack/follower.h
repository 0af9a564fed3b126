/* SPDX-License-Identifier: MIT */
/* Who wants to know how a domain ended, and what it was started again as. For toolstack.c, under its lock. */
#ifndef DOM0_TOOLSTACK_FOLLOWER_H
#define DOM0_TOOLSTACK_FOLLOWER_H

#include "dom0_tools/toolstack/toolstack.h"
#include "pvguest/sync.h"

/* Begins to follow. A domain that has ended lately is known to have: it may have been quicker than whoever
 * asks. */
void follower_add(struct domain_follower *follower, domid_t domid);
void follower_remove(struct domain_follower *follower);

/* The domain has ended by itself, or was destroyed (*end NULL). successor: the number that it has been
 * started again as, or 0. */
void follower_note_end(domid_t domid, const enum domain_end *end, domid_t successor);

/* The number is a new domain's: what ended under it before is forgotten. */
void follower_note_start(domid_t domid);

/* Waits for the next start or the end; gives the lock up meanwhile. False: neither came before the deadline.
 */
bool follower_wait(const struct domain_follower *follower, unsigned int starts, uint64_t deadline,
                   struct mutex *lock);

#endif
