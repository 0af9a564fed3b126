/* SPDX-License-Identifier: MIT */
/* Frames for tests of the network code: TCP and UDP over IPv4 and IPv6, made and checked independently of it.
 */
#ifndef TESTS_UNIT_FRAMES_H
#define TESTS_UNIT_FRAMES_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "split_drivers/packet.h"

struct frame {
    uint8_t data[PACKET_MAX];
    uint32_t length;
};

static const uint8_t frame_macs[4][6] = { { 0, 0x16, 0x3e, 0, 0, 0 },
                                          { 0, 0x16, 0x3e, 0, 0, 1 },
                                          { 0, 0x16, 0x3e, 0, 0, 2 },
                                          { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff } };

/* One's-complement sum the slow way. */
static inline uint32_t frame_sum(uint32_t sum, const uint8_t *data, uint32_t length)
{
    for (uint32_t i = 0; i < length; i++)
        sum += i & 1 ? data[i] : (uint32_t)data[i] << 8;
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return sum;
}

/* Whether the checksums of IP (v4) and of its TCP or UDP payload are right. */
static inline bool frame_is_right(const uint8_t *data, uint32_t length)
{
    bool v6 = data[12] == 0x86;
    const uint8_t *ip = data + 14, *transport = ip + (v6 ? 40 : (ip[0] & 15) * 4);
    uint32_t size =
        v6 ? (uint32_t)(ip[4] << 8 | ip[5]) : (uint32_t)(ip[2] << 8 | ip[3]) - (uint32_t)(transport - ip);
    uint32_t sum = (v6 ? ip[6] : ip[9]) + (size & 0xffff) + (size >> 16);

    if (transport + size > data + length)
        return false;
    if (!v6 && frame_sum(0, ip, (uint32_t)(transport - ip)) != 0xffff)
        return false;
    sum = v6 ? frame_sum(sum, ip + 8, 32) : frame_sum(sum, ip + 12, 8);
    return frame_sum(sum, transport, size) == 0xffff;
}

/* A frame whose TCP or UDP checksum is blank: `payload` bytes of a pattern behind the headers. */
static inline void frame_make(struct frame *frame, bool v6, uint8_t protocol, uint32_t payload)
{
    uint32_t header = protocol == PROTOCOL_TCP ? 20 : 8, ip_header = v6 ? 40 : 20, size = header + payload;
    uint8_t *ip = frame->data + 14, *transport = ip + ip_header;
    uint32_t sum;

    memset(frame->data, 0, 14 + ip_header + header);
    memcpy(frame->data, frame_macs[2], 6);
    memcpy(frame->data + 6, frame_macs[1], 6);
    put16(frame->data + 12, v6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4);
    if (v6) {
        ip[0] = 0x60;
        put16(ip + 4, (uint16_t)size);
        ip[6] = protocol;
        ip[23] = 1;
        ip[39] = 2;
    } else {
        ip[0] = 0x45;
        put16(ip + 2, (uint16_t)(20 + size));
        put16(ip + 4, 0x1234);
        ip[8] = 64;
        ip[9] = protocol;
        put32(ip + 12, 0x0a000001);
        put32(ip + 16, 0x0a000002);
        sum = frame_sum(0, ip, 20);
        put16(ip + 10, (uint16_t)~sum);
    }
    put16(transport, 1000);
    put16(transport + 2, 2000);
    if (protocol == PROTOCOL_TCP) {
        put32(transport + 4, 0xfffff000);
        transport[12] = 0x50;
        transport[13] = 0x89; /* CWR, PSH, FIN */
    } else {
        put16(transport + 4, (uint16_t)size);
    }
    for (uint32_t i = 0; i < payload; i++)
        transport[header + i] = (uint8_t)(i * 7 + (i >> 8));
    frame->length = 14 + ip_header + size;
}

static inline struct packet *frame_packet(const struct frame *frame)
{
    struct packet *packet = packet_alloc(frame->length);

    packet_write(packet, 0, frame->data, frame->length);
    packet->checksum = CHECKSUM_BLANK;
    return packet;
}

#endif
