/* SPDX-License-Identifier: MIT */
/* A domain's own IP stack as a port of a switch: one of lwIP's interfaces. */
#ifndef SPLIT_DRIVERS_STACK_PORT_H
#define SPLIT_DRIVERS_STACK_PORT_H

#include "lwip/netif.h"
#include "split_drivers/switch.h"
#include "split_drivers/worker.h"

#define STACK_PORT_BYTES (1U << 20) /* in line, in either direction */

struct stack_port {
    struct switch_port port;
    struct netif netif;
    struct worker *worker;
    struct worker_task in_task, out_task;
    struct packet_list in;  /* the worker's */
    struct packet_list out; /* upcalls masked */
    uint32_t in_bytes, out_bytes;
};

/* Adds the interface to the switch and to lwIP, up and without an address. features: PORT_*, what lwIP may be
 * given. After tcpip_init(); threads only. False: no memory. */
bool stack_port_start(struct stack_port *stack, struct worker *worker, struct net_switch *net_switch,
                      unsigned int features, const uint8_t *mac);

#endif
