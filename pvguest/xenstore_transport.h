/* SPDX-License-Identifier: MIT */
/*
 * How the functions of <xenstore.h> reach the store daemon. Without another one they use the ring that
 * start_info names (xenstore_ring.c); a domain that runs the daemon itself has them call it.
 *
 * Functions return 0 or an errno of <errno.h>. Threads only.
 */
#ifndef PVGUEST_XENSTORE_TRANSPORT_H
#define PVGUEST_XENSTORE_TRANSPORT_H

#include <stdbool.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <xen/io/xs_wire.h>

struct xs_handle;

struct xenstore_transport {
    int (*open)(void **client);
    void (*close)(void *client);
    /* Sends a request (*header without req_id, and its payload) and waits for its answer: *header and *reply,
     * which is allocated with a NUL behind it and is the caller's. */
    int (*request)(void *client, struct xsd_sockmsg *header, const void *payload, char **reply);
    /* The next watch event of this client's watches, allocated. It waits for one until the deadline
     * (time_ns(); 0: not at all): EAGAIN. */
    int (*event)(void *client, uint64_t deadline, char **payload, uint32_t *len);
};

/* For all handles that are opened from now on. */
void xenstore_set_transport(const struct xenstore_transport *transport);

/* As xs_read_watch(), but no longer than until the deadline (time_ns()): then NULL with errno ETIMEDOUT. */
char **xenstore_read_watch_until(struct xs_handle *h, uint64_t deadline, unsigned int *num);

extern const struct xenstore_transport xenstore_ring_transport;

#endif
