/* SPDX-License-Identifier: MIT */
/*
 * A domain's end of the wire: the page of <xen/io/xs_wire.h>. The domain may write anything there at any
 * time; indices are read once and checked.
 */
#ifndef DOM0_XENSTORED_RING_H
#define DOM0_XENSTORED_RING_H

#include "dom0_tools/xenstored/xenstored.h"

/* What ring_serve() has done. */
#define RING_NOTIFY 1u /* the domain is to be told */
#define RING_MORE   2u /* there is more to do, but others shall have their turn */

/* Announces what this end can do. */
void ring_open(struct xenstore_domain_interface *page);

/*
 * Moves what waits, in both directions, and processes some requests. A connection that fails, or whose domain
 * asks for a fresh start, loses what it had here.
 */
unsigned int ring_serve(struct connection *conn, struct xenstore_domain_interface *page);

#endif
