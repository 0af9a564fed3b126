/* SPDX-License-Identifier: MIT */
/*
 * A frontend's two rings (<xen/io/netif.h>) and the pages behind them. Packets' pages are granted as they are
 * sent; receive pages are granted anew for each packet and then belong to it. What the backend writes is
 * checked: a backend that says the impossible breaks the device, not this domain. In one thread at a time.
 */
#ifndef SPLIT_DRIVERS_NETFRONT_RING_H
#define SPLIT_DRIVERS_NETFRONT_RING_H

#include "split_drivers/packet.h"
#include "split_drivers/ring.h"
#include <xen/io/netif.h>

#define NETFRONT_SLOTS 256

struct netfront_page {
    void *page;
    grant_ref_t ref;
};

/* A transmit slot in use: a reference to a packet, and what the backend may read of it; or a change of the
 * backend's filter, which has neither. */
struct netfront_sent {
    grant_ref_t ref;
    bool filter;
    struct packet *packet;
};

struct netfront_ring {
    netif_tx_front_ring_t tx;
    netif_rx_front_ring_t rx;
    grant_ref_t tx_ref, rx_ref; /* of the rings themselves */
    struct netfront_page rx_page[NETFRONT_SLOTS];
    struct netfront_sent sent[NETFRONT_SLOTS]; /* by id */
    uint16_t free[NETFRONT_SLOTS];             /* ids */
    unsigned int nr_free, in_ring;             /* slots that the backend has not answered, extras included */
    bool filter_refused;                       /* the backend has not taken a change of its filter */
    const char *broken;                        /* what the backend did, NULL: nothing */
};

/* Makes rings and pages for that backend, and offers all receive pages. 0 or an errno, with nothing left. */
int netfront_ring_open(struct netfront_ring *ring, domid_t backend);

/* Takes everything back; the backend has let go of it. Pages that it still holds are given up. */
void netfront_ring_close(struct netfront_ring *ring);

/* Puts a packet into the transmit ring, taking over the reference. False, and nothing happened: no room. */
bool netfront_ring_send(struct netfront_ring *ring, domid_t backend, struct packet *packet);

/* Puts a request into the transmit ring that the backend add a multicast address to its filter, or drop it.
 * False, and nothing happened: no room. */
bool netfront_ring_filter(struct netfront_ring *ring, const uint8_t *address, bool add);

/* Lets the backend see what was sent. True: it wants an event. */
bool netfront_ring_push(struct netfront_ring *ring);

/* Takes back what the backend has read. With ask, false if it has done more meanwhile: then again; else it
 * gives an event when it has. */
bool netfront_ring_reap(struct netfront_ring *ring, bool ask);

/* Takes up to `most` packets off the receive ring onto list and offers fresh pages. True: call again. */
bool netfront_ring_receive(struct netfront_ring *ring, domid_t backend, unsigned int most,
                           struct packet_list *list, bool *notify);

#endif
