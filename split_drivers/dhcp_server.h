/* SPDX-License-Identifier: MIT */
/*
 * A DHCP server (RFC 2131) for a network inside the machine: each hardware address gets an address of the
 * network 'first..last' and keeps it while there are others. Pure: the caller has the socket.
 */
#ifndef SPLIT_DRIVERS_DHCP_SERVER_H
#define SPLIT_DRIVERS_DHCP_SERVER_H

#include <stddef.h>
#include <stdint.h>

#define DHCP_SERVER_PORT 67
#define DHCP_CLIENT_PORT 68
#define DHCP_LEASES      240
#define DHCP_MESSAGE     576 /* bytes that every client takes */

struct dhcp_lease {
    uint8_t mac[6];
    uint64_t used; /* when it was last asked for, ns; 0: never */
};

struct dhcp_pool {
    uint32_t server, netmask, first; /* host order; the server is router and name server too */
    struct dhcp_lease lease[DHCP_LEASES];
};

/* Answers a message; reply has room for DHCP_MESSAGE bytes. Returns the reply's length, 0 for none. */
size_t dhcp_answer(struct dhcp_pool *pool, const uint8_t *message, size_t length, uint64_t now,
                   uint8_t *reply);

#endif
