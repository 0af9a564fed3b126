/* SPDX-License-Identifier: MIT */
/* Packets as lwIP wants them, and the other way round. Any thread. */
#ifndef SPLIT_DRIVERS_LWIP_PACKET_H
#define SPLIT_DRIVERS_LWIP_PACKET_H

#include "lwip/pbuf.h"
#include "split_drivers/packet.h"

/* A chain of pbufs over the packet's pages, which go back when the last one is freed; takes over the
 * reference. NULL, with the reference dropped: no memory. */
struct pbuf *packet_to_pbuf(struct packet *packet);

/* A copy, whose TCP or UDP checksum is blank: an interface that uses this has lwIP generate none
 * (lwip_packet_offload()). NULL: no memory, or more than a packet takes. */
struct packet *packet_from_pbuf(const struct pbuf *pbuf);

/* Copies the payload of a TCP segment of such an interface to the end of the run that it continues. False,
 * and nothing happened: it continues it not, or there is no memory. The run begins with a packet of
 * packet_from_pbuf()'s. */
bool packet_run_add_pbuf(struct packet_run *run, const struct pbuf *pbuf);

struct netif;

/* Tells lwIP that TCP's and UDP's checksums are not its business on that interface. */
void lwip_packet_offload(struct netif *netif);

#endif
