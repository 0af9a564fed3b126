/* SPDX-License-Identifier: MIT */
/*
 * The groups whose Ethernet addresses a network frontend wants, and which of them its backend has been told
 * ("feature-multicast-control" in <xen/io/netif.h>). Upcalls masked.
 */
#ifndef SPLIT_DRIVERS_NETFRONT_MULTICAST_H
#define SPLIT_DRIVERS_NETFRONT_MULTICAST_H

#include <stdbool.h>
#include <stdint.h>

#define NETFRONT_GROUPS 64 /* what Linux's backend keeps, and ours */

struct netfront_group {
    uint8_t address[6];
    uint16_t members; /* several groups of IP share an address */
    bool told;        /* the backend has it in its list */
};

struct netfront_multicast {
    unsigned int nr;
    bool changed;  /* since netfront_multicast_next() found nothing any more */
    bool overflow; /* a group found no room: a list that lacks it is of no use */
    struct netfront_group group[NETFRONT_GROUPS];
};

/* A group of IP is joined or left. */
void netfront_multicast_change(struct netfront_multicast *multicast, const uint8_t *address, bool join);

/* A change that the backend is to be told: it has to add the address if it is not `told`, else to drop it.
 * NULL: there is none. */
const struct netfront_group *netfront_multicast_next(struct netfront_multicast *multicast);

/* The backend has been told what netfront_multicast_next() returned. */
void netfront_multicast_done(struct netfront_multicast *multicast, const struct netfront_group *group);

/* Another backend begins with an empty list. */
void netfront_multicast_restart(struct netfront_multicast *multicast);

#endif
