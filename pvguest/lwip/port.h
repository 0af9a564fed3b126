/* SPDX-License-Identifier: MIT */
/* What the port itself declares to lwIP's sources, which know nothing else of the guest library. */
#ifndef PVGUEST_LWIP_PORT_H
#define PVGUEST_LWIP_PORT_H

#include <stdint.h>

/* Initial sequence numbers, port numbers, transaction ids. */
uint32_t lwip_port_random(void);

struct pbuf;
struct netif;

/* If set: sees each IPv4 packet that arrives before lwIP does, with lwIP's lock, and takes it by freeing it
 * and returning 1. */
extern int (*lwip_port_ip4_input)(struct pbuf *pbuf, struct netif *input);

#endif
