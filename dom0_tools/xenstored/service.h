/* SPDX-License-Identifier: MIT */
/* The store daemon as a service of this domain: a thread that serves the rings of other domains, and this
 * domain's own clients, which are libxenstore's functions. */
#ifndef DOM0_XENSTORED_SERVICE_H
#define DOM0_XENSTORED_SERVICE_H

/*
 * Starts the daemon and leads <xenstore.h> to it, creates this domain's own nodes, and introduces the domains
 * that are already there. Once; 0 or an errno of <errno.h>.
 */
int xenstored_start(void);

#endif
