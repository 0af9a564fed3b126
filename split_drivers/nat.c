/* SPDX-License-Identifier: MIT */
#include "split_drivers/nat.h"
#include "split_drivers/packet.h"

#include <stdlib.h>
#include <string.h>

#define SECOND        1000000000ULL
#define TCP_IDLE      (3600 * SECOND)
#define CLOSING_IDLE  (60 * SECOND)
#define UDP_IDLE      (120 * SECOND)
#define PROTOCOL_ICMP 1
#define ICMP_ECHO     8
#define ICMP_REPLY    0
#define TCP_FIN_RST   0x05
#define FRAGMENT_BITS 0x3fff

void nat_init(struct nat *nat)
{
    memset(nat, 0, sizeof(*nat));
    TAILQ_INIT(&nat->ages);
}

static void remove_entry(struct nat *nat, struct nat_entry *entry)
{
    LIST_REMOVE(entry, by_inside);
    LIST_REMOVE(entry, by_outside);
    TAILQ_REMOVE(&nat->ages, entry, by_age);
    nat->nr--;
    free(entry);
}

void nat_free(struct nat *nat)
{
    while (!TAILQ_EMPTY(&nat->ages))
        remove_entry(nat, TAILQ_FIRST(&nat->ages));
}

/* ---- entries ---- */

static unsigned hash(uint8_t protocol, uint32_t a, uint32_t b, uint32_t ports)
{
    uint32_t mixed = (a * 0x9e3779b1U) ^ (b * 0x85ebca6bU) ^ (ports * 0xc2b2ae35U) ^ protocol;

    return (mixed ^ mixed >> 15) % NAT_BUCKETS;
}

static struct nat_bucket *inside_bucket(struct nat *nat, const struct nat_flow *flow)
{
    return &nat->inside[hash(flow->protocol, flow->inside, flow->remote,
                             (uint32_t)flow->inside_port << 16 | flow->remote_port)];
}

static struct nat_bucket *outside_bucket(struct nat *nat, const struct nat_flow *flow)
{
    return &nat->outside[hash(flow->protocol, 0, flow->remote,
                              (uint32_t)flow->outside_port << 16 | flow->remote_port)];
}

static struct nat_entry *find_inside(struct nat *nat, const struct nat_flow *flow)
{
    struct nat_entry *entry;

    LIST_FOREACH(entry, inside_bucket(nat, flow), by_inside)
    {
        if (entry->flow.protocol == flow->protocol && entry->flow.inside == flow->inside &&
            entry->flow.inside_port == flow->inside_port && entry->flow.remote == flow->remote &&
            entry->flow.remote_port == flow->remote_port)
            return entry;
    }
    return NULL;
}

static struct nat_entry *find_outside(struct nat *nat, const struct nat_flow *flow)
{
    struct nat_entry *entry;

    LIST_FOREACH(entry, outside_bucket(nat, flow), by_outside)
    {
        if (entry->flow.protocol == flow->protocol && entry->flow.outside_port == flow->outside_port &&
            entry->flow.remote == flow->remote && entry->flow.remote_port == flow->remote_port)
            return entry;
    }
    return NULL;
}

/* A port that is free for that remote end: the next ones in turn. */
static bool choose_port(struct nat *nat, struct nat_flow *flow)
{
    for (unsigned tries = 0; tries < NAT_PORTS; tries++) {
        flow->outside_port = (uint16_t)(NAT_FIRST_PORT + nat->next_port);
        nat->next_port = (uint16_t)((nat->next_port + 1) % NAT_PORTS);
        /* An echo's number stands on both sides. */
        if (flow->protocol == PROTOCOL_ICMP)
            flow->remote_port = 0;
        if (find_outside(nat, flow) == NULL)
            return true;
    }
    return false;
}

static void expire(struct nat *nat, uint64_t now)
{
    struct nat_entry *entry = TAILQ_FIRST(&nat->ages);

    while (entry != NULL) {
        struct nat_entry *following = TAILQ_NEXT(entry, by_age);

        if (entry->expires <= now)
            remove_entry(nat, entry);
        entry = following;
    }
}

/* One host may not take all: its least recently used entry goes when it has its share. */
static void make_room(struct nat *nat, uint32_t inside)
{
    struct nat_entry *entry, *oldest = NULL;
    unsigned nr = 0;

    TAILQ_FOREACH(entry, &nat->ages, by_age)
    {
        if (entry->flow.inside != inside)
            continue;
        nr++;
        if (oldest == NULL)
            oldest = entry;
    }
    if (nr >= NAT_PER_HOST)
        remove_entry(nat, oldest);
    else if (nat->nr == NAT_ENTRIES)
        remove_entry(nat, TAILQ_FIRST(&nat->ages));
}

static struct nat_entry *add_entry(struct nat *nat, struct nat_flow *flow, uint64_t now)
{
    struct nat_entry *entry;

    expire(nat, now);
    make_room(nat, flow->inside);
    entry = choose_port(nat, flow) ? calloc(1, sizeof(*entry)) : NULL;
    if (entry == NULL)
        return NULL;
    entry->flow = *flow;
    LIST_INSERT_HEAD(inside_bucket(nat, flow), entry, by_inside);
    LIST_INSERT_HEAD(outside_bucket(nat, flow), entry, by_outside);
    TAILQ_INSERT_TAIL(&nat->ages, entry, by_age);
    nat->nr++;
    return entry;
}

static void touch(struct nat *nat, struct nat_entry *entry, const uint8_t *transport, uint64_t now)
{
    bool tcp = entry->flow.protocol == PROTOCOL_TCP;

    if (tcp && (transport[13] & TCP_FIN_RST) != 0)
        entry->closing = true;
    entry->expires = now + (entry->closing ? CLOSING_IDLE : tcp ? TCP_IDLE : UDP_IDLE);
    TAILQ_REMOVE(&nat->ages, entry, by_age);
    TAILQ_INSERT_TAIL(&nat->ages, entry, by_age);
}

/* ---- packets ---- */

/* The transport header, or NULL if this is nothing to translate. */
static uint8_t *transport_of(uint8_t *packet, size_t length)
{
    size_t header = length >= 20 ? (packet[0] & 15) * 4U : 0;
    uint8_t *transport = packet + header;
    size_t wanted = 8;

    if (length < 20 || packet[0] >> 4 != 4 || header < 20 || (get16(packet + 6) & FRAGMENT_BITS) != 0)
        return NULL;
    if (packet[9] == PROTOCOL_TCP)
        wanted = 20;
    else if (packet[9] != PROTOCOL_UDP && packet[9] != PROTOCOL_ICMP)
        return NULL;
    return length >= header + wanted ? transport : NULL;
}

/* RFC 1624, equation 3. */
static uint16_t changed_sum(uint16_t sum, uint16_t before, uint16_t after)
{
    uint32_t total = (uint16_t)~sum + (uint32_t)(uint16_t)~before + after;

    total = (total & 0xffff) + (total >> 16);
    return (uint16_t) ~((total & 0xffff) + (total >> 16));
}

static void finish_header(uint8_t *packet)
{
    packet[8]--;
    put16(packet + 10, 0);
    put16(packet + 10, (uint16_t)~checksum_bytes(packet, (packet[0] & 15) * 4U));
}

static void set_echo_number(uint8_t *icmp, uint16_t number)
{
    put16(icmp + 2, changed_sum(get16(icmp + 2), get16(icmp + 4), number));
    put16(icmp + 4, number);
}

enum nat_verdict nat_outwards(struct nat *nat, uint8_t *packet, size_t length, uint32_t address, uint64_t now)
{
    uint8_t *transport = transport_of(packet, length);
    struct nat_entry *entry;
    struct nat_flow flow;

    if (transport == NULL || packet[8] <= 1)
        return NAT_DROP;
    flow = (struct nat_flow){ .protocol = packet[9],
                              .inside = get32(packet + 12),
                              .remote = get32(packet + 16) };
    if (flow.protocol == PROTOCOL_ICMP && transport[0] != ICMP_ECHO)
        return NAT_DROP;
    flow.inside_port = get16(transport + (flow.protocol == PROTOCOL_ICMP ? 4 : 0));
    flow.remote_port = flow.protocol == PROTOCOL_ICMP ? 0 : get16(transport + 2);
    entry = find_inside(nat, &flow);
    if (entry == NULL)
        entry = add_entry(nat, &flow, now);
    if (entry == NULL)
        return NAT_DROP;
    touch(nat, entry, transport, now);
    if (flow.protocol == PROTOCOL_ICMP)
        set_echo_number(transport, entry->flow.outside_port);
    else
        put16(transport, entry->flow.outside_port);
    put32(packet + 12, address);
    finish_header(packet);
    return NAT_PASS;
}

enum nat_verdict nat_inwards(struct nat *nat, uint8_t *packet, size_t length, uint64_t now)
{
    uint8_t *transport = transport_of(packet, length);
    struct nat_entry *entry;
    struct nat_flow flow;

    if (transport == NULL || (packet[9] == PROTOCOL_ICMP && transport[0] != ICMP_REPLY))
        return NAT_NONE;
    flow = (struct nat_flow){ .protocol = packet[9], .remote = get32(packet + 12) };
    flow.remote_port = flow.protocol == PROTOCOL_ICMP ? 0 : get16(transport);
    flow.outside_port = get16(transport + (flow.protocol == PROTOCOL_ICMP ? 4 : 2));
    entry = find_outside(nat, &flow);
    if (entry == NULL || entry->expires <= now)
        return NAT_NONE;
    if (packet[8] <= 1)
        return NAT_DROP;
    touch(nat, entry, transport, now);
    if (flow.protocol == PROTOCOL_ICMP)
        set_echo_number(transport, entry->flow.inside_port);
    else
        put16(transport + 2, entry->flow.inside_port);
    put32(packet + 16, entry->flow.inside);
    finish_header(packet);
    return NAT_PASS;
}
