/* SPDX-License-Identifier: MIT */
/* The learning switch: who gets a frame, in which form, and who may send what. */
/* unit-sources: split_drivers/coalesce.c split_drivers/packet.c split_drivers/segment.c split_drivers/switch.c */
#include <criterion/criterion.h>

#include "split_drivers/switch.h"
#include "tests/unit/fake_pages.h"
#include "tests/unit/frames.h"

#define SECOND 1000000000ULL

static struct net_switch net;
static struct switch_port ports[4];
static struct {
    unsigned int packets, blank, gso;
    uint32_t longest;
} got[4];
static struct frame frame;

static void transmit(struct switch_port *port, struct packet *packet)
{
    size_t i = (size_t)(port - ports);

    got[i].packets++;
    got[i].blank += packet->checksum == CHECKSUM_BLANK;
    got[i].gso += packet->gso != GSO_NONE;
    if (packet->length > got[i].longest)
        got[i].longest = packet->length;
    packet_put(packet);
}

static void setup(void)
{
    switch_init(&net, "test");
    for (size_t i = 0; i < 4; i++) {
        ports[i] = (struct switch_port){ .name = "port", .transmit = transmit };
        switch_add_port(&net, &ports[i]);
    }
    memset(got, 0, sizeof(got));
}

static void teardown(void)
{
    for (size_t i = 0; i < 4; i++)
        if (ports[i].owner)
            switch_remove_port(&ports[i]);
    cr_expect_eq(net.nr_entries, 0);
    cr_expect_eq(pages_out, 0, "%ld pages are lost", pages_out);
}

TestSuite(network_switch, .init = setup, .fini = teardown);

static void send(unsigned int from, const uint8_t *source, const uint8_t *destination, uint64_t now)
{
    frame_make(&frame, false, PROTOCOL_TCP, 100);
    memcpy(frame.data, destination, 6);
    memcpy(frame.data + 6, source, 6);
    switch_input(&ports[from], frame_packet(&frame), now);
}

static void expect(unsigned int a, unsigned int b, unsigned int c, unsigned int d)
{
    const unsigned int counts[] = { a, b, c, d };

    for (size_t i = 0; i < 4; i++)
        cr_expect_eq(got[i].packets, counts[i], "port %zu: %u", i, got[i].packets);
    memset(got, 0, sizeof(got));
}

Test(network_switch, learns)
{
    send(0, frame_macs[0], frame_macs[1], SECOND);
    expect(0, 1, 1, 1);
    send(1, frame_macs[1], frame_macs[0], SECOND);
    expect(1, 0, 0, 0);
    send(0, frame_macs[0], frame_macs[1], SECOND);
    expect(0, 1, 0, 0);
    send(0, frame_macs[0], frame_macs[3], SECOND);
    expect(0, 1, 1, 1);
    /* To somebody behind the same port: not sent back. */
    send(0, frame_macs[2], frame_macs[0], SECOND);
    expect(0, 0, 0, 0);
    /* It has moved. */
    send(3, frame_macs[0], frame_macs[3], SECOND);
    expect(1, 1, 1, 0);
    send(1, frame_macs[1], frame_macs[0], SECOND);
    expect(0, 0, 0, 1);
}

Test(network_switch, forgets)
{
    send(0, frame_macs[0], frame_macs[3], SECOND);
    send(1, frame_macs[1], frame_macs[3], SECOND);
    cr_expect_eq(switch_lookup(&net, frame_macs[0], 300 * SECOND), &ports[0]);
    cr_expect_null(switch_lookup(&net, frame_macs[0], 302 * SECOND));
    switch_remove_port(&ports[1]);
    cr_expect_null(switch_lookup(&net, frame_macs[1], SECOND));
    cr_expect_eq(net.nr_entries, 1);
}

Test(network_switch, learning_has_a_limit)
{
    for (unsigned int i = 0; i < 3 * SWITCH_PORT_LIMIT; i++) {
        const uint8_t mac[6] = { 2, 0, 0, 0, (uint8_t)(i >> 8), (uint8_t)i };

        send(0, mac, frame_macs[3], SECOND);
    }
    cr_expect_eq(ports[0].learnt, SWITCH_PORT_LIMIT);
    send(1, frame_macs[1], frame_macs[3], SECOND);
    cr_expect_eq(ports[1].learnt, 1);
    /* Old ones make room. */
    send(0, frame_macs[0], frame_macs[3], 400 * SECOND);
    cr_expect_eq(ports[0].learnt, 1);
}

Test(network_switch, sources_are_checked)
{
    ports[0].check_source = true;
    memcpy(ports[0].mac, frame_macs[0], 6);
    send(0, frame_macs[1], frame_macs[2], SECOND);
    expect(0, 0, 0, 0);
    cr_expect_eq(ports[0].counters.rx_dropped, 1);
    send(0, frame_macs[0], frame_macs[2], SECOND);
    expect(0, 1, 1, 1);
    /* A source cannot be a group. */
    send(1, frame_macs[3], frame_macs[2], SECOND);
    expect(0, 0, 0, 0);
}

Test(network_switch, addresses_are_checked)
{
    uint8_t *arp = frame.data + 14;

    ports[0].nr_ips = 1;
    ports[0].ip[0] = 0x0a000001; /* what frame_make() sends from */
    memcpy(ports[0].mac, frame_macs[0], 6);
    send(0, frame_macs[0], frame_macs[2], SECOND);
    expect(0, 1, 1, 1);
    ports[0].ip[0] = 0x0a000009;
    send(0, frame_macs[0], frame_macs[2], SECOND);
    expect(0, 0, 0, 0);
    /* ARP of another's address. */
    memset(&frame, 0, 60);
    memcpy(frame.data, frame_macs[3], 6);
    memcpy(frame.data + 6, frame_macs[0], 6);
    put16(frame.data + 12, ETHERTYPE_ARP);
    memcpy(arp + 8, frame_macs[0], 6);
    put32(arp + 14, 0x0a000001);
    frame.length = 60;
    for (unsigned int i = 0; i < 2; i++) {
        struct packet *packet = frame_packet(&frame);

        packet->checksum = CHECKSUM_UNKNOWN;
        switch_input(&ports[0], packet, SECOND);
        put32(arp + 14, 0x0a000009);
    }
    expect(0, 1, 1, 1);
    /* IPv6 is none of them. */
    frame_make(&frame, true, PROTOCOL_TCP, 10);
    memcpy(frame.data + 6, frame_macs[0], 6);
    switch_input(&ports[0], frame_packet(&frame), SECOND);
    expect(0, 0, 0, 0);
}

static void send_large(bool v6)
{
    struct packet *packet;

    frame_make(&frame, v6, PROTOCOL_TCP, 14400);
    memcpy(frame.data, frame_macs[3], 6);
    packet = frame_packet(&frame);
    packet->gso = v6 ? GSO_TCP6 : GSO_TCP4;
    packet->gso_size = 1440;
    switch_input(&ports[0], packet, SECOND);
}

Test(network_switch, each_port_gets_what_it_takes)
{
    ports[1].features = PORT_CHECKSUM4 | PORT_CHECKSUM6 | PORT_GSO4 | PORT_GSO6;
    ports[2].features = PORT_CHECKSUM4 | PORT_CHECKSUM6;
    for (unsigned int v6 = 0; v6 < 2; v6++) {
        send_large(v6);
        cr_expect_eq(got[1].packets, 1);
        cr_expect_eq(got[1].gso, 1);
        cr_expect_eq(got[1].blank, 1);
        cr_expect_eq(got[2].packets, 10);
        cr_expect_eq(got[2].gso, 0);
        cr_expect_eq(got[2].blank, 10);
        cr_expect_eq(got[2].longest, 14U + (v6 ? 40 : 20) + 20 + 1440);
        cr_expect_eq(got[3].packets, 10);
        cr_expect_eq(got[3].blank, 0);
        memset(got, 0, sizeof(got));
    }
}

/* What an adapter receives: a stream that was cut on its way, with checksums that were looked at or not. */
static void send_stream(bool verified)
{
    struct packet_list list = STAILQ_HEAD_INITIALIZER(list);
    struct packet *whole, *segment;

    frame_make(&frame, false, PROTOCOL_TCP, 14480);
    memcpy(frame.data, frame_macs[3], 6);
    frame.data[ETHERNET_HEADER + 20 + 13] = 0x10; /* ACK */
    whole = frame_packet(&frame);
    whole->gso = GSO_TCP4;
    whole->gso_size = 1448;
    cr_assert(packet_segment(whole, &list));
    packet_put(whole);
    STAILQ_FOREACH(segment, &list, next)
    {
        cr_assert(packet_complete_checksum(segment));
        segment->checksum = CHECKSUM_UNKNOWN;
        cr_assert(!verified || packet_verify_checksum(segment));
    }
    switch_input_all(&ports[0], &list, SECOND);
    cr_expect(STAILQ_EMPTY(&list));
}

Test(network_switch, a_streams_segments_go_together)
{
    ports[1].features = PORT_CHECKSUM4 | PORT_GSO4;
    send_stream(true);
    cr_expect_eq(got[1].gso, 1);
    expect(0, 1, 10, 10);
    send_stream(false);
    cr_expect_eq(got[1].gso, 0);
    expect(0, 10, 10, 10);
}

/* From a port, and to one: plain frames, and segments by what they would be cut into. */
Test(network_switch, frames_are_of_a_ports_mtu)
{
    for (unsigned int i = 0; i < 3; i++)
        ports[i].mtu = 9000;
    ports[1].features = PORT_CHECKSUM4 | PORT_GSO4;
    frame_make(&frame, false, PROTOCOL_TCP, 8960);
    memcpy(frame.data, frame_macs[3], 6);
    switch_input(&ports[0], frame_packet(&frame), SECOND);
    expect(0, 1, 1, 0);
    cr_expect_eq(ports[3].counters.tx_dropped, 1);
    switch_input(&ports[3], frame_packet(&frame), SECOND);
    expect(0, 0, 0, 0);
    cr_expect_eq(ports[3].counters.rx_dropped, 1);
    for (uint16_t size = 8960; size <= 8965; size += 5) {
        struct packet *packet;

        frame_make(&frame, false, PROTOCOL_TCP, 30000);
        memcpy(frame.data, frame_macs[3], 6);
        packet = frame_packet(&frame);
        packet->gso = GSO_TCP4;
        packet->gso_size = size;
        switch_input(&ports[0], packet, SECOND);
        if (size == 8960)
            expect(0, 1, 4, 0);
        else
            expect(0, 0, 0, 0);
    }
    cr_expect_eq(ports[0].counters.rx_dropped, 1);
}

Test(network_switch, insane_frames_are_dropped)
{
    struct packet *packet;

    /* Too long, and not to be segmented. */
    frame_make(&frame, false, PROTOCOL_TCP, 3000);
    switch_input(&ports[0], frame_packet(&frame), SECOND);
    /* A blank checksum in what has none. */
    frame_make(&frame, false, PROTOCOL_TCP, 10);
    frame.data[23] = 50;
    switch_input(&ports[0], frame_packet(&frame), SECOND);
    /* To be segmented, and no TCP. */
    frame_make(&frame, false, PROTOCOL_UDP, 3000);
    packet = frame_packet(&frame);
    packet->gso = GSO_TCP4;
    packet->gso_size = 1000;
    switch_input(&ports[0], packet, SECOND);
    expect(0, 0, 0, 0);
    cr_expect_eq(ports[0].counters.rx_dropped, 3);
}
