/* SPDX-License-Identifier: MIT */
/*
 * A learning Ethernet switch, what Linux calls a bridge. Ports are guests' interfaces, this domain's own IP
 * stack, a physical adapter. A frame goes to each port in the cheapest form that the port takes: with its
 * checksum blank and uncut, or, only for ports that need it, filled in and segmented.
 *
 * Everything here runs in the network's worker (worker.h), so there are no locks.
 */
#ifndef SPLIT_DRIVERS_SWITCH_H
#define SPLIT_DRIVERS_SWITCH_H

#include "split_drivers/packet.h"

#define SWITCH_NAME        16
#define SWITCH_BUCKETS     256
#define SWITCH_MAX_ENTRIES 8192
#define SWITCH_PORT_LIMIT  1024 /* addresses learnt behind one port */
#define SWITCH_PORT_IPS    4

/* What a port takes beside plain frames of its MTU. */
#define PORT_CHECKSUM4 0x1 /* blank checksums in IPv4 */
#define PORT_CHECKSUM6 0x2
#define PORT_GSO4      0x4
#define PORT_GSO6      0x8

struct net_switch;
struct switch_port;

struct switch_port_counters {
    uint64_t rx_packets, rx_bytes; /* from the port into the switch */
    uint64_t tx_packets, tx_bytes; /* out of the switch to the port */
    uint64_t rx_dropped;           /* malformed, too long, or another's address */
    uint64_t tx_dropped; /* longer than the receiver takes, not for its groups, no memory, or no room there */
};

struct switch_port {
    LIST_ENTRY(switch_port) next;
    struct net_switch *owner;
    const char *name;
    unsigned int features;                                             /* PORT_* */
    void (*transmit)(struct switch_port *port, struct packet *packet); /* takes over the reference */
    unsigned int mtu;  /* bytes behind the Ethernet header (and a VLAN tag), both ways; 0: ETHERNET_MTU */
    bool check_source; /* frames from it must come from mac */
    uint8_t mac[6];
    unsigned int nr_ips; /* if not 0: IPv4 and ARP from it must be one of these addresses' */
    uint32_t ip[SWITCH_PORT_IPS];
    unsigned int learnt;
    struct switch_port_counters counters;
};

struct switch_entry {
    LIST_ENTRY(switch_entry) next;
    struct switch_port *port;
    uint64_t seen; /* time_ns() */
    uint8_t mac[6];
};

LIST_HEAD(switch_port_list, switch_port);
LIST_HEAD(switch_entry_list, switch_entry);

struct net_switch {
    LIST_ENTRY(net_switch) next;
    char name[SWITCH_NAME];
    struct switch_port_list ports;
    struct switch_entry_list bucket[SWITCH_BUCKETS];
    unsigned int nr_entries;
};

void switch_init(struct net_switch *net_switch, const char *name);

/* Takes a port in: name, transmit and features are set, the rest as wanted or zero. And out, with all that
 * was learnt behind it. */
void switch_add_port(struct net_switch *net_switch, struct switch_port *port);
void switch_remove_port(struct switch_port *port);

/* A frame that comes from the port; takes over the reference. now: time_ns(). */
void switch_input(struct switch_port *port, struct packet *packet, uint64_t now);

/* The same for all frames of the list, in order, which is empty afterwards. TCP segments that follow each
 * other become one where their checksums are known to be right. */
void switch_input_all(struct switch_port *port, struct packet_list *list, uint64_t now);

/* The port behind which an address was last seen, or NULL. */
struct switch_port *switch_lookup(const struct net_switch *net_switch, const uint8_t *mac, uint64_t now);

#endif
