/* SPDX-License-Identifier: MIT */
#include "split_drivers/switch.h"
#include <stdlib.h>
#include <string.h>

#define MAX_AGE  300000000000ULL /* ns, as IEEE 802.1D wants it */
#define VLAN_TAG 4

static const uint8_t broadcast[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

void switch_init(struct net_switch *net_switch, const char *name)
{
    memset(net_switch, 0, sizeof(*net_switch));
    strncpy(net_switch->name, name, sizeof(net_switch->name) - 1);
    LIST_INIT(&net_switch->ports);
    for (unsigned int i = 0; i < SWITCH_BUCKETS; i++)
        LIST_INIT(&net_switch->bucket[i]);
}

void switch_add_port(struct net_switch *net_switch, struct switch_port *port)
{
    port->owner = net_switch;
    port->learnt = 0;
    LIST_INSERT_HEAD(&net_switch->ports, port, next);
}

/* ---- addresses ---- */

static struct switch_entry_list *bucket_of(struct net_switch *net_switch, const uint8_t *mac)
{
    unsigned int hash = 0;

    for (unsigned int i = 0; i < 6; i++)
        hash = hash * 31 + mac[i];
    return &net_switch->bucket[hash % SWITCH_BUCKETS];
}

static struct switch_entry *find(const struct net_switch *net_switch, const uint8_t *mac)
{
    struct switch_entry *entry;

    LIST_FOREACH(entry, bucket_of((struct net_switch *)(uintptr_t)net_switch, mac), next)
    {
        if (memcmp(entry->mac, mac, 6) == 0)
            return entry;
    }
    return NULL;
}

static void forget(struct net_switch *net_switch, struct switch_entry *entry)
{
    LIST_REMOVE(entry, next);
    entry->port->learnt--;
    net_switch->nr_entries--;
    free(entry);
}

/* Forgets what a port has, or what was not seen for long. */
static void forget_some(struct net_switch *net_switch, const struct switch_port *port, uint64_t before)
{
    for (unsigned int i = 0; i < SWITCH_BUCKETS; i++) {
        struct switch_entry *entry = LIST_FIRST(&net_switch->bucket[i]);

        while (entry) {
            struct switch_entry *following = LIST_NEXT(entry, next);

            if (entry->port == port || entry->seen < before)
                forget(net_switch, entry);
            entry = following;
        }
    }
}

void switch_remove_port(struct switch_port *port)
{
    forget_some(port->owner, port, 0);
    LIST_REMOVE(port, next);
    port->owner = NULL;
}

static void learn(struct switch_port *port, const uint8_t *mac, uint64_t now)
{
    struct net_switch *net_switch = port->owner;
    struct switch_entry *entry = find(net_switch, mac);

    if (!entry) {
        if (net_switch->nr_entries == SWITCH_MAX_ENTRIES || port->learnt == SWITCH_PORT_LIMIT)
            forget_some(net_switch, NULL, now > MAX_AGE ? now - MAX_AGE : 0);
        if (net_switch->nr_entries == SWITCH_MAX_ENTRIES || port->learnt == SWITCH_PORT_LIMIT)
            return;
        entry = malloc(sizeof(*entry));
        if (!entry)
            return;
        memcpy(entry->mac, mac, 6);
        LIST_INSERT_HEAD(bucket_of(net_switch, mac), entry, next);
        net_switch->nr_entries++;
    } else {
        entry->port->learnt--;
    }
    port->learnt++;
    entry->port = port;
    entry->seen = now;
}

struct switch_port *switch_lookup(const struct net_switch *net_switch, const uint8_t *mac, uint64_t now)
{
    const struct switch_entry *entry = find(net_switch, mac);

    return entry && now - entry->seen <= MAX_AGE ? entry->port : NULL;
}

/* ---- what a port may send ---- */

static bool is_own_ip(const struct switch_port *port, uint32_t ip)
{
    for (unsigned int i = 0; i < port->nr_ips; i++)
        if (port->ip[i] == ip)
            return true;
    return false;
}

/* IPv4's source, ARP's sender; a DHCP client has no address yet. What is neither has no business here. */
static bool ip_is_own(const struct switch_port *port, const struct packet *packet,
                      const struct packet_headers *headers)
{
    const uint8_t *network = packet_data(packet) + headers->network;
    uint32_t source;

    if (headers->ethertype == ETHERTYPE_IPV4) {
        source = get32(network + 12);
        return is_own_ip(port, source) || (source == 0 && headers->protocol == PROTOCOL_UDP &&
                                           get16(packet_data(packet) + headers->transport + 2) == 67);
    }
    if (headers->ethertype != ETHERTYPE_ARP || packet->length < headers->network + 28U)
        return false;
    source = get32(network + 14);
    return memcmp(network + 8, port->mac, 6) == 0 && (source == 0 || is_own_ip(port, source));
}

static bool may_send(const struct switch_port *port, const struct packet *packet,
                     const struct packet_headers *headers)
{
    const uint8_t *source = packet_data(packet) + 6;

    if (source[0] & 1)
        return false;
    if (port->check_source && memcmp(source, port->mac, 6) != 0)
        return false;
    return !port->nr_ips || ip_is_own(port, packet, headers);
}

/* Whether a frame, or each that a segment is to be cut into, is of the port's MTU. */
static bool fits(const struct switch_port *port, const struct packet *packet,
                 const struct packet_headers *headers)
{
    uint32_t most = ETHERNET_HEADER + VLAN_TAG + (port->mtu ? port->mtu : ETHERNET_MTU);

    return (packet->gso != GSO_NONE ? headers->payload + (uint32_t)packet->gso_size : packet->length) <= most;
}

/* Whether what the sender left undone can be done at all. */
static bool is_sane(const struct packet *packet, const struct packet_headers *headers)
{
    if (packet->gso != GSO_NONE)
        return packet->checksum == CHECKSUM_BLANK && packet_gso_is_sane(packet);
    return packet->checksum != CHECKSUM_BLANK || headers->checksum;
}

/* ---- forwarding ---- */

static void hand_over(struct switch_port *port, struct packet *packet)
{
    port->counters.tx_packets++;
    port->counters.tx_bytes += packet->length;
    port->transmit(port, packet);
}

static void hand_over_segments(struct switch_port *port, const struct packet *packet)
{
    struct packet_list list = STAILQ_HEAD_INITIALIZER(list);
    struct packet *segment;

    if (!packet_segment(packet, &list)) {
        port->counters.tx_dropped++;
        return;
    }
    while ((segment = STAILQ_FIRST(&list))) {
        STAILQ_REMOVE_HEAD(&list, next);
        if (!(port->features & (packet->gso == GSO_TCP4 ? PORT_CHECKSUM4 : PORT_CHECKSUM6)))
            packet_complete_checksum(segment);
        hand_over(port, segment);
    }
}

/* A port's own reference, since each port keeps it in a queue of its own: lists are linked through packets.
 */
static struct packet *share(struct packet *packet, bool last)
{
    struct packet *copy;

    if (last)
        return packet;
    copy = packet_alloc(packet->length);
    if (!copy)
        return NULL;
    for (uint32_t i = 0, done = 0; i < copy->nr_frags; done += copy->frag[i++].length)
        packet_read(packet, done, copy->frag[i].page, copy->frag[i].length);
    copy->checksum = packet->checksum;
    copy->gso = packet->gso;
    copy->gso_size = packet->gso_size;
    return copy;
}

/* last: no other port gets it after this one, so the reference goes with it. */
static void send_to(struct switch_port *port, struct packet *packet, const struct packet_headers *headers,
                    bool last)
{
    bool ipv6 = headers->ethertype == ETHERTYPE_IPV6;

    if (!fits(port, packet, headers)) {
        port->counters.tx_dropped++;
        if (last)
            packet_put(packet);
        return;
    }
    if (packet->gso != GSO_NONE && !(port->features & (ipv6 ? PORT_GSO6 : PORT_GSO4))) {
        hand_over_segments(port, packet);
        if (last)
            packet_put(packet);
        return;
    }
    if (packet->checksum == CHECKSUM_BLANK && !(port->features & (ipv6 ? PORT_CHECKSUM6 : PORT_CHECKSUM4)))
        packet_complete_checksum(packet);
    packet = share(packet, last);
    if (packet)
        hand_over(port, packet);
    else
        port->counters.tx_dropped++;
}

static void flood(struct switch_port *from, struct packet *packet, const struct packet_headers *headers)
{
    struct switch_port *port, *previous = NULL;

    LIST_FOREACH(port, &from->owner->ports, next)
    {
        if (port == from)
            continue;
        if (previous)
            send_to(previous, packet, headers, false);
        previous = port;
    }
    if (previous)
        send_to(previous, packet, headers, true);
    else
        packet_put(packet);
}

void switch_input(struct switch_port *port, struct packet *packet, uint64_t now)
{
    const uint8_t *data = packet_data(packet);
    struct switch_port *to = NULL;
    struct packet_headers headers;

    if (!packet_parse(packet, &headers) || !may_send(port, packet, &headers) || !is_sane(packet, &headers) ||
        !fits(port, packet, &headers)) {
        port->counters.rx_dropped++;
        packet_put(packet);
        return;
    }
    port->counters.rx_packets++;
    port->counters.rx_bytes += packet->length;
    learn(port, data + 6, now);
    if (memcmp(data, broadcast, 6) != 0 && !(data[0] & 1))
        to = switch_lookup(port->owner, data, now);
    if (!to)
        flood(port, packet, &headers);
    else if (to != port)
        send_to(to, packet, &headers, true);
    else
        packet_put(packet);
}

void switch_input_all(struct switch_port *port, struct packet_list *list, uint64_t now)
{
    struct packet_run run;

    while (!STAILQ_EMPTY(list)) {
        struct packet *packet = STAILQ_FIRST(list), *following;

        STAILQ_REMOVE_HEAD(list, next);
        packet_run_begin(&run, packet);
        while ((following = STAILQ_FIRST(list))) {
            STAILQ_REMOVE_HEAD(list, next);
            if (packet_run_add(&run, following))
                continue;
            STAILQ_INSERT_HEAD(list, following, next);
            break;
        }
        packet_run_end(&run);
        switch_input(port, packet, now);
    }
}
