/* SPDX-License-Identifier: MIT */
/*
 * A frontend's two rings (<xen/io/netif.h>) and the pages behind them. Transmit pages are granted once and
 * copied into; receive pages are granted anew for each packet and then belong to it. What the backend writes
 * is checked: a backend that says the impossible breaks the device, not this domain.
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

struct netfront_ring {
    netif_tx_front_ring_t tx;
    netif_rx_front_ring_t rx;
    grant_ref_t tx_ref, rx_ref; /* of the rings themselves */
    struct netfront_page tx_page[NETFRONT_SLOTS], rx_page[NETFRONT_SLOTS];
    uint16_t free[NETFRONT_SLOTS]; /* numbers of transmit pages */
    unsigned int nr_free;
    const char *broken; /* what the backend did, NULL: nothing */
};

/* Makes rings and pages for that backend, and offers all receive pages. 0 or an errno, with nothing left. */
int netfront_ring_open(struct netfront_ring *ring, domid_t backend);

/* Takes everything back; the backend has let go of it. Pages that it still holds are given up. */
void netfront_ring_close(struct netfront_ring *ring);

/* Copies a frame of at most a page, which `copy` fills in, into the transmit ring. False: the ring is full.
 * *notify: the backend wants an event. Callers exclude each other. */
bool netfront_ring_send(struct netfront_ring *ring, void (*copy)(void *arg, void *to, uint16_t length),
                        void *arg, uint16_t length, bool *notify);

/* Takes back what the backend has sent. True: there is room. With ask, and without room, the backend gives an
 * event when there is some. */
bool netfront_ring_reap(struct netfront_ring *ring, bool ask);

/* Takes up to `most` packets off the receive ring onto list and offers fresh pages. True: call again. */
bool netfront_ring_receive(struct netfront_ring *ring, domid_t backend, unsigned int most,
                           struct packet_list *list, bool *notify);

#endif
