/* SPDX-License-Identifier: MIT */
/*
 * One queue of a network backend: a ring on which the guest transmits and one on which it receives
 * (<xen/io/netif.h>). Nothing in the rings is trusted: requests are copied once, and only the copy is checked
 * and used. The hypervisor is reached by grant_copy.h alone, so that all of this runs in unit tests.
 *
 * In the network's worker.
 */
#ifndef SPLIT_DRIVERS_NETBACK_QUEUE_H
#define SPLIT_DRIVERS_NETBACK_QUEUE_H

#include "split_drivers/grant_copy.h"
#include "split_drivers/packet.h"
#include "split_drivers/ring.h"
#include <xen/io/netif.h>

#define NETBACK_TX_SLOTS      64 /* taken from the ring for one batch */
#define NETBACK_MAX_SLOTS     20 /* of one packet: more is an attack, as in Linux's backend */
#define NETBACK_MAX_EXTRAS    4
#define NETBACK_PENDING_BYTES (1U << 20) /* that wait for receive buffers */
#define NETBACK_MULTICAST     64         /* addresses in a frontend's list */

/* What the frontend takes, and its filter: the same for all its queues. */
struct netback_options {
    bool scatter_gather;
    bool filter_multicast;
    unsigned int nr_multicast;
    uint8_t multicast[NETBACK_MULTICAST][6];
};

/* Bytes that may be sent in each period; rate 0: no limit. */
struct netback_credit {
    uint64_t bytes, period; /* period in ns */
    uint64_t left;
    uint64_t window; /* its beginning, time_ns() */
};

struct netback_queue {
    netif_tx_back_ring_t tx;
    netif_rx_back_ring_t rx;
    struct grant_copy *copy; /* the worker's, shared by all queues */
    domid_t domid;
    struct netback_options *options;
    struct netback_credit *credit;
    struct packet_list pending; /* for the guest */
    uint32_t pending_bytes;
    const char *broken; /* what is wrong with the rings, NULL: nothing. Nothing is touched any more then. */
    uint64_t tx_errors, rx_errors; /* copies that failed */
};

void netback_queue_init(struct netback_queue *queue, netif_tx_sring_t *tx, netif_rx_sring_t *rx);
void netback_queue_free(struct netback_queue *queue);

enum netback_progress {
    NETBACK_IDLE,      /* nothing to do until the guest's next event */
    NETBACK_MORE,      /* call again */
    NETBACK_NO_CREDIT, /* call again when the credit's window has passed */
};

/* Takes a batch of what the guest sends: complete packets, appended to list. *notify: the guest wants an
 * event for the responses. now: time_ns(). */
enum netback_progress netback_queue_transmit(struct netback_queue *queue, uint64_t now,
                                             struct packet_list *list, bool *notify);

/* Puts a packet in line for the guest, taking over the reference. False: it was dropped, there is no room. */
bool netback_queue_add(struct netback_queue *queue, struct packet *packet);

/* Delivers a batch of what is in line, as far as the guest has buffers. */
enum netback_progress netback_queue_receive(struct netback_queue *queue, bool *notify);

/* Whether the guest's filter lets that destination through. */
bool netback_wants(const struct netback_options *options, const uint8_t *destination);

#endif
