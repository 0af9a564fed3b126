/* SPDX-License-Identifier: MIT */
/* TCP segmentation in software, for ports that cannot do it. */
#include "split_drivers/packet.h"
#include <string.h>

#define TCP_FIN 0x01
#define TCP_PSH 0x08
#define TCP_CWR 0x80

static uint32_t segments_of(const struct packet *packet, const struct packet_headers *headers)
{
    return (headers->end - headers->payload + packet->gso_size - 1U) / packet->gso_size;
}

bool packet_gso_is_sane(const struct packet *packet)
{
    struct packet_headers headers;

    return packet->gso_size && packet_parse(packet, &headers) && headers.protocol == PROTOCOL_TCP &&
           headers.checksum &&
           headers.ethertype == (packet->gso == GSO_TCP4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6) &&
           segments_of(packet, &headers) <= PACKET_MAX_SEGMENTS;
}

/* The header of segment n, of `last` ones, whose payload begins at `offset` in the whole one's. */
static void fix_headers(struct packet *segment, const struct packet_headers *headers, uint32_t n, bool last,
                        uint32_t offset)
{
    uint8_t *ip = packet_data(segment) + headers->network;
    uint8_t *tcp = packet_data(segment) + headers->transport;

    if (headers->ethertype == ETHERTYPE_IPV4) {
        put16(ip + 2, (uint16_t)(segment->length - headers->network));
        put16(ip + 4, (uint16_t)(get16(ip + 4) + n));
        put16(ip + 10, 0);
        put16(ip + 10, (uint16_t)~checksum_bytes(ip, headers->transport - headers->network));
    } else {
        put16(ip + 4, (uint16_t)(segment->length - headers->network - 40U));
    }
    put32(tcp + 4, get32(tcp + 4) + offset);
    if (!last)
        tcp[13] &= (uint8_t) ~(TCP_FIN | TCP_PSH);
    if (n)
        tcp[13] &= (uint8_t)~TCP_CWR;
}

static struct packet *make_segment(const struct packet *packet, const struct packet_headers *headers,
                                   uint32_t n, uint32_t nr)
{
    uint32_t offset = n * packet->gso_size, rest = headers->end - headers->payload - offset;
    uint32_t length = rest < packet->gso_size ? rest : packet->gso_size;
    struct packet *segment = packet_alloc(headers->payload + length);

    if (!segment)
        return NULL;
    memcpy(packet_data(segment), packet_data(packet), headers->payload);
    for (uint32_t done = 0; done < length;) {
        uint32_t at = headers->payload + done;
        struct packet_frag *frag = &segment->frag[at / PACKET_PAGE];
        uint32_t room = PACKET_PAGE - at % PACKET_PAGE, part = length - done < room ? length - done : room;

        packet_read(packet, headers->payload + offset + done, (uint8_t *)frag->page + at % PACKET_PAGE, part);
        done += part;
    }
    segment->checksum = CHECKSUM_BLANK;
    fix_headers(segment, headers, n, n + 1 == nr, offset);
    if (!packet_prepare_checksum(segment)) {
        packet_put(segment);
        return NULL;
    }
    return segment;
}

bool packet_segment(const struct packet *packet, struct packet_list *list)
{
    struct packet_list made = STAILQ_HEAD_INITIALIZER(made);
    struct packet_headers headers;
    struct packet *segment = NULL;
    uint32_t nr;

    if (!packet_parse(packet, &headers))
        return false;
    nr = segments_of(packet, &headers);
    for (uint32_t n = 0; n < nr; n++) {
        segment = make_segment(packet, &headers, n, nr);
        if (!segment)
            break;
        STAILQ_INSERT_TAIL(&made, segment, next);
    }
    if (nr && segment) {
        STAILQ_CONCAT(list, &made);
        return true;
    }
    while ((segment = STAILQ_FIRST(&made))) {
        STAILQ_REMOVE_HEAD(&made, next);
        packet_put(segment);
    }
    return false;
}
