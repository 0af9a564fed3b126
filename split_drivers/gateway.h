/* SPDX-License-Identifier: MIT */
/*
 * A switch inside the machine, on which this domain is DHCP server, name server and, by address translation,
 * the way out: a network of 256 addresses with this domain as .1. It goes out by lwIP's default interface,
 * with that one's address: dom0's on the outer switch, or a driver domain's vif.
 */
#ifndef SPLIT_DRIVERS_GATEWAY_H
#define SPLIT_DRIVERS_GATEWAY_H

#include "lwip/netif.h"
#include "split_drivers/switch.h"
#include "split_drivers/worker.h"

#define GATEWAY_BRIDGE "natbr0"

/* Starts the services on an empty switch. features: PORT_*, large segments only if the default interface
 * sends such on. network: in host order, its last byte 0. False: no memory. After lwip_start(); once; threads
 * only. */
bool gateway_start(struct worker *worker, struct net_switch *net_switch, unsigned int features,
                   const uint8_t *mac, uint32_t network);

#endif
