/* SPDX-License-Identifier: MIT */
/*
 * dom0's networks. `xenbr0` is the switch that the first physical adapter is on, with dom0's own address from
 * the DHCP server outside; it is what a vif is on that names no bridge.
 */
#ifndef DOM0_NETWORK_NETWORK_H
#define DOM0_NETWORK_NETWORK_H

#include "dom0_tools/shell/command.h"
#include "split_drivers/switch.h"
#include "split_drivers/worker.h"

#define NETWORK_DEFAULT_BRIDGE "xenbr0"

/* Starts the worker, lwIP and the switches. 0 or an errno. */
int network_start(void);

/* Serves the vifs of domains; xenstored runs. 0 or an errno. */
int network_start_backends(void);

/* The thread that does all work on switches and ports. */
struct worker *network_worker(void);

/* The switch of that name (an empty one: NETWORK_DEFAULT_BRIDGE), or NULL. Any thread: switches stay. */
struct net_switch *network_switch(const char *name);

/* Calls fn for every switch, in the worker. */
void network_for_each_switch(void (*fn)(struct net_switch *net_switch, void *arg), void *arg);

/* The name for the next physical adapter, "eth0" to "eth15", or NULL when there are so many. */
const char *network_next_adapter(void);

/* A physical adapter: puts its port (name, features, transmit, mac) on NETWORK_DEFAULT_BRIDGE. The first one
 * lends dom0 its address and has it ask for an IP address. Threads only. */
void network_add_adapter(struct switch_port *port);

/* What an adapter has received, in order; empties the list. In the worker. */
void network_receive(struct switch_port *adapter, struct packet_list *list);

extern const struct command network_commands[];
extern const size_t network_nr_commands;

#endif
