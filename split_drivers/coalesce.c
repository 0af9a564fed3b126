/* SPDX-License-Identifier: MIT */
/*
 * The opposite of segmentation: lwIP sends segment by segment, and most of a packet's cost is that it is one.
 *
 * Likewise acknowledgements: many peers send one for each segment, and of several that came together only the
 * last says something (RFC 3449, 5.2.1). Duplicates, which do say something, stay; so does what has flags or
 * options of its own.
 */
#include "split_drivers/packet.h"
#include <string.h>

#define TCP_FIN        0x01
#define TCP_PSH        0x08
#define TCP_ACK        0x10
#define TCP_HEADER     20
#define TCP_TIMESTAMPS 0x0101080aU
#define TCP_LAST \
    (TCP_FIN | TCP_PSH) /* allowed in the last segment; PSH, which asks not to wait for more, before it */

/* Whole TCP segments, checked or never to be. */
static bool is_tcp(const struct packet *packet, struct packet_headers *headers)
{
    return packet->checksum != CHECKSUM_UNKNOWN && packet_parse(packet, headers) &&
           headers->protocol == PROTOCOL_TCP && headers->checksum;
}

/* With plain data, and nothing behind them. */
static bool has_data(const struct packet *packet, const struct packet_headers *headers)
{
    uint8_t flags = packet_data(packet)[headers->transport + 13];

    return headers->end == packet->length && headers->payload < packet->length &&
           (flags & ~TCP_LAST) == TCP_ACK;
}

/* No data, and no options but the time stamps of RFC 7323 as everybody lays them out (its appendix A). */
static bool is_bare_ack(const struct packet *packet, const struct packet_headers *headers)
{
    const uint8_t *tcp = packet_data(packet) + headers->transport;
    unsigned int options = headers->payload - headers->transport - TCP_HEADER;

    return headers->end == headers->payload && tcp[13] == TCP_ACK &&
           (!options || (options == 12 && get32(tcp + TCP_HEADER) == TCP_TIMESTAMPS));
}

/* Whether that many bytes, at least 8, are equal; memcmp() would go byte by byte. */
static inline bool equal(const uint8_t *a, const uint8_t *b, size_t length)
{
    uint64_t x, y, differences = 0;

    for (size_t at = 0; at < length; at += sizeof(x)) {
        size_t from = at + sizeof(x) > length ? length - sizeof(x) : at;

        memcpy(&x, a + from, sizeof(x));
        memcpy(&y, b + from, sizeof(y));
        differences |= x ^ y;
    }
    return !differences;
}

/* Ethernet, IP but for length, identification and checksum, ports. */
static bool same_connection(const uint8_t *a, const uint8_t *b, const struct packet_headers *headers)
{
    const uint8_t *ip_a = a + headers->network, *ip_b = b + headers->network;
    uint16_t transport = headers->transport;
    bool ip = headers->ethertype == ETHERTYPE_IPV4
                  ? transport == headers->network + 20 && get16(ip_a) == get16(ip_b) &&
                        get32(ip_a + 6) == get32(ip_b + 6) && equal(ip_a + 12, ip_b + 12, 8)
                  : transport == headers->network + 40 && get32(ip_a) == get32(ip_b) &&
                        equal(ip_a + 6, ip_b + 6, 34);

    return ip && get32(a + transport) == get32(b + transport) && equal(a, b, headers->network);
}

/* Acknowledgement, window, options: what segments of one burst have in common. */
static bool same_state(const uint8_t *a, const uint8_t *b, const struct packet_headers *headers)
{
    const uint8_t *tcp_a = a + headers->transport, *tcp_b = b + headers->transport;
    size_t header = (size_t)headers->payload - headers->transport;

    return get32(tcp_a + 8) == get32(tcp_b + 8) && tcp_a[12] == tcp_b[12] &&
           get16(tcp_a + 14) == get16(tcp_b + 14) && get16(tcp_a + 18) == get16(tcp_b + 18) &&
           memcmp(tcp_a + TCP_HEADER, tcp_b + TCP_HEADER, header - TCP_HEADER) == 0;
}

static bool same_layout(const struct packet_headers *a, const struct packet_headers *b)
{
    return a->payload == b->payload && a->transport == b->transport && a->ethertype == b->ethertype;
}

void packet_run_begin(struct packet_run *run, struct packet *head)
{
    run->head = head;
    run->grown = run->open = run->ack = false;
    if (!is_tcp(head, &run->headers))
        return;
    run->ack = head->gso == GSO_NONE && is_bare_ack(head, &run->headers);
    run->open = has_data(head, &run->headers) && !(packet_data(head)[run->headers.transport + 13] & TCP_FIN);
    if (!run->open)
        return;
    run->size = head->gso != GSO_NONE ? head->gso_size : head->length - run->headers.payload;
    run->open = (head->length - run->headers.payload) % run->size == 0;
}

/* Whether next is the segment that follows; its headers are head's but for its length. */
static bool follows(const struct packet_run *run, const struct packet *next, struct packet_headers *follower)
{
    const struct packet *head = run->head;
    const uint8_t *a, *b;

    if (!run->open || next->gso != GSO_NONE || !is_tcp(next, follower) || !has_data(next, follower))
        return false;
    a = packet_data(head);
    b = packet_data(next);
    return same_layout(&run->headers, follower) && next->length - follower->payload <= run->size &&
           head->length + (next->length - follower->payload) <= PACKET_MAX &&
           get32(b + follower->transport + 4) ==
               get32(a + follower->transport + 4) + (head->length - follower->payload) &&
           same_connection(a, b, follower) && same_state(a, b, follower);
}

/* Whether next acknowledges what head does, and more. */
static bool supersedes(const struct packet_run *run, const struct packet *next)
{
    struct packet_headers follower;
    const uint8_t *a = packet_data(run->head) + run->headers.transport, *b;

    if (!run->ack || next->gso != GSO_NONE || next->checksum != run->head->checksum ||
        !is_tcp(next, &follower) || !is_bare_ack(next, &follower) || !same_layout(&run->headers, &follower))
        return false;
    b = packet_data(next) + follower.transport;
    return get32(b + 4) == get32(a + 4) && (int32_t)(get32(b + 8) - get32(a + 8)) > 0 &&
           same_connection(packet_data(run->head), packet_data(next), &follower);
}

/* head has that many bytes more, the last ones of a segment with those flags. */
static void grow(struct packet_run *run, uint32_t payload, uint8_t flags)
{
    struct packet *head = run->head;

    packet_data(head)[run->headers.transport + 13] |= flags & TCP_LAST;
    head->length += payload;
    head->gso = run->headers.ethertype == ETHERTYPE_IPV4 ? GSO_TCP4 : GSO_TCP6;
    head->gso_size = (uint16_t)run->size;
    head->checksum = CHECKSUM_BLANK;
    run->grown = true;
    run->open = !(flags & TCP_FIN) && payload == run->size;
}

bool packet_run_add(struct packet_run *run, struct packet *next)
{
    struct packet *head = run->head;
    struct packet_headers follower;
    uint32_t payload;
    uint8_t flags;

    if (supersedes(run, next)) {
        memcpy(packet_data(head) + run->headers.transport, packet_data(next) + run->headers.transport,
               run->headers.payload - run->headers.transport);
        packet_put(next);
        return true;
    }
    if (!follows(run, next, &follower) || next->frag[0].length <= follower.payload ||
        head->nr_frags + next->nr_frags > PACKET_FRAGS)
        return false;
    payload = next->length - follower.payload;
    flags = packet_data(next)[follower.transport + 13];
    next->frag[0].offset = (uint16_t)(next->frag[0].offset + follower.payload);
    next->frag[0].length = (uint16_t)(next->frag[0].length - follower.payload);
    for (unsigned int i = 0; i < next->nr_frags; i++)
        head->frag[head->nr_frags++] = next->frag[i];
    next->nr_frags = 0;
    packet_put(next);
    grow(run, payload, flags);
    return true;
}

uint32_t packet_run_extend(struct packet_run *run, const struct packet *view)
{
    struct packet *head = run->head;
    struct packet_headers follower;
    uint32_t at = head->length, payload;

    if (!follows(run, view, &follower))
        return 0;
    payload = view->length - follower.payload;
    if (!packet_append(head, payload))
        return 0;
    grow(run, payload, packet_data(view)[follower.transport + 13]);
    return at;
}

void packet_run_end(struct packet_run *run)
{
    uint8_t *ip = packet_data(run->head) + run->headers.network;

    if (!run->grown)
        return;
    if (run->headers.ethertype == ETHERTYPE_IPV4) {
        put16(ip + 2, (uint16_t)(run->head->length - run->headers.network));
        put16(ip + 10, 0);
        put16(ip + 10, (uint16_t)~checksum_bytes(ip, 20));
    } else {
        put16(ip + 4, (uint16_t)(run->head->length - run->headers.network - 40U));
    }
    packet_prepare_checksum(run->head);
    run->grown = false;
}
