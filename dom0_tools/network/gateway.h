/* SPDX-License-Identifier: MIT */
/*
 * `natbr0`: a switch inside the machine, where dom0 is DHCP server, name server and, by address translation,
 * the way out: 192.168.77.0/24 with dom0 as .1.
 */
#ifndef DOM0_NETWORK_GATEWAY_H
#define DOM0_NETWORK_GATEWAY_H

#include "lwip/netif.h"
#include "split_drivers/switch.h"
#include "split_drivers/worker.h"

#define GATEWAY_BRIDGE "natbr0"

/* Starts the services on an empty switch; outside: the interface whose address guests go out with. False: no
 * memory. After tcpip_init(); threads only. */
bool gateway_start(struct worker *worker, struct net_switch *net_switch, const uint8_t *mac,
                   struct netif *outside);

#endif
