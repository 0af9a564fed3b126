/* SPDX-License-Identifier: MIT */
#include "split_drivers/packet.h"
#include "pvguest/memory.h"
#include "pvguest/pool.h"
#include <string.h>

#define IPV4_HEADER        20
#define IPV6_HEADER        40
#define IPV6_HOP_BY_HOP    0
#define IPV6_ROUTING       43
#define IPV6_FRAGMENT      44
#define IPV6_DESTINATION   60
#define IPV4_MORE          0x2000
#define IPV4_OFFSET        0x1fff
#define VLAN_TAG           4
#define TCP_CHECKSUM       16
#define UDP_CHECKSUM       6
#define TCP_HEADER         20
#define UDP_HEADER         8
#define MAX_IPV6_EXTENSION 8

static struct pool pool = { .size = sizeof(struct packet), .most = 256 };

struct packet *packet_new(void)
{
    struct packet *packet = pool_alloc(&pool);

    if (!packet)
        return NULL;
    packet->references = 1;
    packet->length = 0;
    packet->checksum = CHECKSUM_UNKNOWN;
    packet->gso = GSO_NONE;
    packet->gso_size = 0;
    packet->nr_frags = 0;
    return packet;
}

/* Adds pages, or parts of pages, for that many bytes. */
static bool add_frags(struct packet *packet, uint32_t length)
{
    for (; length; packet->nr_frags++) {
        uint16_t here = (uint16_t)(length < PACKET_PAGE ? length : PACKET_PAGE);
        void *page = page_alloc(0);

        if (!page)
            return false;
        packet->frag[packet->nr_frags] = (struct packet_frag){ page, 0, here };
        length -= here;
    }
    return true;
}

struct packet *packet_alloc(uint32_t length)
{
    struct packet *packet = packet_new();

    if (!packet)
        return NULL;
    packet->length = length;
    if (add_frags(packet, length))
        return packet;
    packet_put(packet);
    return NULL;
}

bool packet_append(struct packet *packet, uint32_t length)
{
    unsigned int before = packet->nr_frags;
    struct packet_frag *last = &packet->frag[before - 1];
    uint32_t room = PACKET_PAGE - last->offset - last->length, here = length < room ? length : room;

    if (add_frags(packet, length - here)) {
        last->length = (uint16_t)(last->length + here);
        return true;
    }
    while (packet->nr_frags > before)
        page_free(packet->frag[--packet->nr_frags].page, 0);
    return false;
}

void packet_put(struct packet *packet)
{
    if (--packet->references)
        return;
    for (unsigned int i = 0; i < packet->nr_frags; i++)
        page_free(packet->frag[i].page, 0);
    pool_free(&pool, packet);
}

/* Calls fn for each contiguous piece of a range. */
static void for_each_piece(const struct packet *packet, uint32_t offset, uint32_t length,
                           void (*fn)(uint8_t *data, uint32_t at, uint32_t length, void *arg), void *arg)
{
    uint32_t at = 0;

    for (unsigned int i = 0; i < packet->nr_frags && length; i++) {
        const struct packet_frag *frag = &packet->frag[i];
        uint32_t here;

        if (offset >= frag->length) {
            offset -= frag->length;
            continue;
        }
        here = frag->length - offset < length ? frag->length - offset : length;
        fn((uint8_t *)frag->page + frag->offset + offset, at, here, arg);
        at += here;
        length -= here;
        offset = 0;
    }
}

static void piece_read(uint8_t *data, uint32_t at, uint32_t length, void *arg)
{
    memcpy((uint8_t *)arg + at, data, length);
}

static void piece_write(uint8_t *data, uint32_t at, uint32_t length, void *arg)
{
    memcpy(data, (const uint8_t *)arg + at, length);
}

void packet_read(const struct packet *packet, uint32_t offset, void *to, uint32_t length)
{
    for_each_piece(packet, offset, length, piece_read, to);
}

void packet_write(struct packet *packet, uint32_t offset, const void *from, uint32_t length)
{
    for_each_piece(packet, offset, length, piece_write, (void *)(uintptr_t)from);
}

/* ---- headers ---- */

/* How much of the packet may be looked at as an array. */
static uint32_t contiguous(const struct packet *packet)
{
    return packet->frag[0].length < PACKET_HEADERS ? packet->frag[0].length : PACKET_HEADERS;
}

static bool parse_ipv4(const uint8_t *data, uint32_t room, struct packet_headers *headers)
{
    const uint8_t *ip = data + headers->network;
    unsigned int header, fragment;

    if (room < (uint32_t)headers->network + IPV4_HEADER || ip[0] >> 4 != 4)
        return false;
    header = (ip[0] & 15) * 4U;
    headers->transport = (uint16_t)(headers->network + header);
    headers->end = headers->network + get16(ip + 2);
    fragment = get16(ip + 6);
    headers->fragment = (fragment & (IPV4_MORE | IPV4_OFFSET)) != 0;
    headers->protocol = fragment & IPV4_OFFSET ? 0 : ip[9];
    return header >= IPV4_HEADER && headers->transport <= room && headers->transport <= headers->end;
}

static bool parse_ipv6(const uint8_t *data, uint32_t room, struct packet_headers *headers)
{
    const uint8_t *ip = data + headers->network;
    uint32_t at = headers->network + IPV6_HEADER;
    uint8_t next;

    if (at > room || ip[0] >> 4 != 6)
        return false;
    headers->end = at + get16(ip + 4);
    next = ip[6];
    for (unsigned int n = 0;
         next == IPV6_HOP_BY_HOP || next == IPV6_ROUTING || next == IPV6_DESTINATION || next == IPV6_FRAGMENT;
         n++) {
        if (n == MAX_IPV6_EXTENSION || at + 8 > room || at + 8 > headers->end)
            return false;
        if (next == IPV6_FRAGMENT) {
            headers->fragment = true;
            next = get16(data + at + 2) & 0xfff8 ? UINT8_MAX : data[at];
            at += 8;
            break;
        }
        next = data[at];
        at += (data[at + 1] + 1U) * 8;
    }
    headers->protocol = next == UINT8_MAX ? 0 : next;
    headers->transport = (uint16_t)at;
    return at <= room && at <= headers->end;
}

static bool parse_transport(const uint8_t *data, uint32_t room, struct packet_headers *headers)
{
    uint32_t transport = headers->transport;

    headers->payload = headers->transport;
    if (headers->fragment)
        return true;
    if (headers->protocol == PROTOCOL_TCP) {
        if (transport + TCP_HEADER > room || transport + TCP_HEADER > headers->end)
            return false;
        headers->payload = (uint16_t)(transport + (data[transport + 12] >> 4) * 4U);
        headers->checksum = (uint16_t)(transport + TCP_CHECKSUM);
        return headers->payload >= transport + TCP_HEADER && headers->payload <= headers->end &&
               headers->payload <= room;
    }
    if (headers->protocol == PROTOCOL_UDP) {
        if (transport + UDP_HEADER > room || transport + UDP_HEADER > headers->end)
            return false;
        headers->payload = (uint16_t)(transport + UDP_HEADER);
        headers->checksum = (uint16_t)(transport + UDP_CHECKSUM);
    }
    return true;
}

bool packet_parse(const struct packet *packet, struct packet_headers *headers)
{
    const uint8_t *data = packet_data(packet);
    uint32_t room = contiguous(packet);
    bool sane = true;

    *headers = (struct packet_headers){ .network = ETHERNET_HEADER };
    if (room < ETHERNET_HEADER)
        return false;
    headers->ethertype = get16(data + 12);
    if (headers->ethertype == ETHERTYPE_VLAN) {
        headers->network += VLAN_TAG;
        if (headers->network > room)
            return false;
        headers->ethertype = get16(data + 16);
    }
    if (headers->ethertype == ETHERTYPE_IPV4)
        sane = parse_ipv4(data, room, headers);
    else if (headers->ethertype == ETHERTYPE_IPV6)
        sane = parse_ipv6(data, room, headers);
    else
        return true;
    return sane && headers->end <= packet->length && parse_transport(data, room, headers);
}

/* ---- checksums ---- */

static uint16_t fold(uint64_t sum)
{
    sum = (sum & UINT32_MAX) + (sum >> 32);
    sum = (sum & UINT32_MAX) + (sum >> 32);
    sum = (sum & UINT16_MAX) + (sum >> 16);
    sum = (sum & UINT16_MAX) + (sum >> 16);
    return (uint16_t)sum;
}

/* Sums words in memory order; the sum of swapped words is the swapped sum, and carries go around. */
uint16_t checksum_bytes(const void *data, size_t length)
{
    const uint8_t *p = data;
    uint64_t sum = 0, rest = 0;
    uint16_t folded;

    for (; length >= 64; p += 64, length -= 64)
        __asm__("addq (%1), %0; adcq 8(%1), %0; adcq 16(%1), %0; adcq 24(%1), %0; adcq 32(%1), %0;"
                "adcq 40(%1), %0; adcq 48(%1), %0; adcq 56(%1), %0; adcq $0, %0"
                : "+r"(sum)
                : "r"(p), "m"(*(uint8_t(*)[64])(uintptr_t)p));
    for (; length >= 8; p += 8, length -= 8)
        __asm__("addq %1, %0; adcq $0, %0" : "+r"(sum) : "m"(*(uint8_t(*)[8])(uintptr_t)p));
    memcpy(&rest, p, length);
    __asm__("addq %1, %0; adcq $0, %0" : "+r"(sum) : "r"(rest));
    folded = fold(sum);
    return (uint16_t)(folded << 8 | folded >> 8);
}

struct running_sum {
    uint64_t sum;
};

static void piece_sum(uint8_t *data, uint32_t at, uint32_t length, void *arg)
{
    struct running_sum *running = arg;
    uint16_t sum = checksum_bytes(data, length);

    running->sum += at & 1 ? (uint16_t)(sum << 8 | sum >> 8) : sum;
}

uint16_t checksum_pseudo(const struct packet *packet, const struct packet_headers *headers)
{
    const uint8_t *ip = packet_data(packet) + headers->network;
    uint32_t length = headers->end - headers->transport;
    uint64_t sum = headers->protocol + (length >> 16) + (length & UINT16_MAX);

    if (headers->ethertype == ETHERTYPE_IPV4)
        return fold(sum + checksum_bytes(ip + 12, 8));
    return fold(sum + checksum_bytes(ip + 8, 32));
}

static uint16_t transport_sum(const struct packet *packet, const struct packet_headers *headers)
{
    struct running_sum running = { checksum_pseudo(packet, headers) };

    for_each_piece(packet, headers->transport, headers->end - headers->transport, piece_sum, &running);
    return fold(running.sum);
}

bool packet_complete_checksum(struct packet *packet)
{
    struct packet_headers headers;
    uint8_t *field;
    uint16_t sum;

    if (packet->checksum != CHECKSUM_BLANK)
        return true;
    if (!packet_parse(packet, &headers) || !headers.checksum)
        return false;
    field = packet_data(packet) + headers.checksum;
    put16(field, 0);
    sum = (uint16_t)~transport_sum(packet, &headers);
    put16(field, sum || headers.protocol != PROTOCOL_UDP ? sum : UINT16_MAX);
    packet->checksum = CHECKSUM_VALID;
    return true;
}

bool packet_prepare_checksum(struct packet *packet)
{
    struct packet_headers headers;

    if (!packet_parse(packet, &headers) || !headers.checksum)
        return false;
    put16(packet_data(packet) + headers.checksum, checksum_pseudo(packet, &headers));
    return true;
}

bool packet_verify_checksum(struct packet *packet)
{
    struct packet_headers headers;
    bool none;

    if (packet->checksum != CHECKSUM_UNKNOWN)
        return true;
    if (!packet_parse(packet, &headers))
        return false;
    if (!headers.checksum)
        return true;
    none = headers.protocol == PROTOCOL_UDP && headers.ethertype == ETHERTYPE_IPV4 &&
           get16(packet_data(packet) + headers.checksum) == 0;
    if (!none && transport_sum(packet, &headers) != UINT16_MAX)
        return false;
    packet->checksum = CHECKSUM_VALID;
    return true;
}
