/* SPDX-License-Identifier: MIT */
/* The opposite of segmentation: lwIP sends segment by segment, and most of a packet's cost is that it is one.
 */
#include "split_drivers/packet.h"
#include <string.h>

#define TCP_FIN  0x01
#define TCP_PSH  0x08
#define TCP_ACK  0x10
#define TCP_LAST (TCP_FIN | TCP_PSH) /* allowed in the last segment */

static uint32_t payload_of(const struct packet *packet, const struct packet_headers *headers)
{
    return packet->length - headers->payload;
}

/* Whole TCP segments of plain data, with nothing behind them. */
static bool is_candidate(const struct packet *packet, struct packet_headers *headers)
{
    const uint8_t *data = packet_data(packet);

    return packet->checksum != CHECKSUM_UNKNOWN && packet_parse(packet, headers) &&
           headers->protocol == PROTOCOL_TCP && headers->checksum && headers->end == packet->length &&
           headers->payload < packet->length && (data[headers->transport + 13] & ~TCP_LAST) == TCP_ACK;
}

/* Ethernet, addresses, ports, acknowledgement, window, options: all but what each segment has its own of. */
static bool same_connection(const uint8_t *a, const uint8_t *b, const struct packet_headers *headers)
{
    const uint8_t *ip_a = a + headers->network, *ip_b = b + headers->network;
    uint16_t transport = headers->transport;
    bool ip = headers->ethertype == ETHERTYPE_IPV4
                  ? transport == headers->network + 20 && memcmp(ip_a, ip_b, 2) == 0 &&
                        memcmp(ip_a + 6, ip_b + 6, 4) == 0 && memcmp(ip_a + 12, ip_b + 12, 8) == 0
                  : transport == headers->network + 40 && memcmp(ip_a, ip_b, 4) == 0 &&
                        memcmp(ip_a + 6, ip_b + 6, 34) == 0;

    return ip && memcmp(a, b, headers->network) == 0 && memcmp(a + transport, b + transport, 4) == 0 &&
           memcmp(a + transport + 8, b + transport + 8, 5) == 0 &&
           memcmp(a + transport + 14, b + transport + 14, 2) == 0 &&
           memcmp(a + transport + 18, b + transport + 18, headers->payload - transport - 18U) == 0;
}

static bool may_follow(const struct packet *head, const struct packet_headers *headers,
                       const struct packet *next, const struct packet_headers *follower)
{
    const uint8_t *a = packet_data(head), *b = packet_data(next);
    uint32_t size = head->gso != GSO_NONE ? head->gso_size : payload_of(head, headers);

    return next->gso == GSO_NONE && headers->payload == follower->payload &&
           headers->transport == follower->transport && headers->ethertype == follower->ethertype &&
           !(a[headers->transport + 13] & TCP_LAST) && payload_of(head, headers) % size == 0 &&
           payload_of(next, follower) <= size && same_connection(a, b, headers) &&
           get32(b + headers->transport + 4) ==
               get32(a + headers->transport + 4) + payload_of(head, headers) &&
           head->length + payload_of(next, follower) <= PACKET_MAX &&
           head->nr_frags + next->nr_frags <= PACKET_FRAGS;
}

static void fix_header(struct packet *head, const struct packet_headers *headers, uint8_t last)
{
    uint8_t *ip = packet_data(head) + headers->network;

    packet_data(head)[headers->transport + 13] |= last;
    if (headers->ethertype == ETHERTYPE_IPV4) {
        put16(ip + 2, (uint16_t)(head->length - headers->network));
        put16(ip + 10, 0);
        put16(ip + 10, (uint16_t)~checksum_bytes(ip, 20));
    } else {
        put16(ip + 4, (uint16_t)(head->length - headers->network - 40U));
    }
    packet_prepare_checksum(head);
}

/* Moves the pages behind the header over. */
static void move_payload(struct packet *head, struct packet *next, uint32_t header)
{
    for (unsigned int i = 0; i < next->nr_frags; i++) {
        struct packet_frag frag = next->frag[i];

        if (i == 0) {
            frag.offset = (uint16_t)(frag.offset + header);
            frag.length = (uint16_t)(frag.length - header);
        }
        head->frag[head->nr_frags++] = frag;
    }
    head->length += next->length - header;
    next->nr_frags = 0;
    packet_put(next);
}

bool packet_coalesce(struct packet *head, struct packet *next)
{
    struct packet_headers headers, follower;
    uint32_t size;
    uint8_t last;

    if (next->gso != GSO_NONE || !is_candidate(head, &headers) || !is_candidate(next, &follower) ||
        next->frag[0].length <= follower.payload || !may_follow(head, &headers, next, &follower))
        return false;
    size = head->gso != GSO_NONE ? head->gso_size : payload_of(head, &headers);
    last = packet_data(next)[follower.transport + 13] & TCP_LAST;
    move_payload(head, next, follower.payload);
    head->gso = headers.ethertype == ETHERTYPE_IPV4 ? GSO_TCP4 : GSO_TCP6;
    head->gso_size = (uint16_t)size;
    head->checksum = CHECKSUM_BLANK;
    fix_header(head, &headers, last);
    return true;
}
