/* SPDX-License-Identifier: MIT */
/* A network backend's rings: packets out of and into a guest, and what a hostile one writes. */
/* unit-sources: split_drivers/packet.c split_drivers/netback_rx.c split_drivers/netback_tx.c */
#include <criterion/criterion.h>

#include "tests/unit/frames.h"
#include "tests/unit/netback_guest.h"

static struct packet_list list = STAILQ_HEAD_INITIALIZER(list);
static struct frame frame, out;
static bool notify;

static void setup(void)
{
    guest_connect();
    notify = false;
}

static void teardown(void)
{
    guest_drop(&list);
    netback_queue_free(&guest_queue);
    cr_expect_eq(pages_out, 0, "%ld pages are lost", pages_out);
}

TestSuite(netback, .init = setup, .fini = teardown);

/* ---- the guest's side ---- */

static void push(grant_ref_t ref, uint16_t offset, uint16_t size, uint16_t flags)
{
    netif_tx_request_t *request = &guest_tx->ring[guest_tx->req_prod & 255].req;

    *request = (netif_tx_request_t){ .gref = ref,
                                     .offset = offset,
                                     .flags = flags,
                                     .id = (uint16_t)(100 + guest_tx->req_prod),
                                     .size = size };
    guest_tx->req_prod++;
}

static void push_extra(uint8_t type, uint8_t flags, uint16_t size, uint8_t gso)
{
    netif_extra_info_t extra = { .type = type, .flags = flags };

    extra.u.gso.size = size;
    extra.u.gso.type = gso;
    memcpy(&guest_tx->ring[guest_tx->req_prod & 255], &extra, sizeof(extra));
    guest_tx->req_prod++;
}

static enum netback_progress run(void)
{
    return netback_queue_transmit(&guest_queue, 0, &list, &notify);
}

static void expect_response(unsigned int slot, uint16_t id, int16_t status)
{
    const netif_tx_response_t *response = &guest_tx->ring[slot].rsp;

    cr_expect_lt(slot, guest_tx->rsp_prod);
    if (status != NETIF_RSP_NULL)
        cr_expect_eq(response->id, id, "slot %u: id %u", slot, response->id);
    cr_expect_eq(response->status, status, "slot %u: status %d", slot, response->status);
}

static struct packet *only_packet(void)
{
    struct packet *packet = STAILQ_FIRST(&list);

    cr_assert_not_null(packet);
    cr_assert_null(STAILQ_NEXT(packet, next));
    out.length = packet->length;
    packet_read(packet, 0, out.data, packet->length);
    return packet;
}

/* ---- from the guest ---- */

Test(netback, one_slot)
{
    frame_make(&frame, false, PROTOCOL_TCP, 1000);
    memcpy(guest.page[3] + 40, frame.data, frame.length);
    push(3, 40, (uint16_t)frame.length, NETTXF_csum_blank | NETTXF_data_validated);
    cr_expect_eq(run(), NETBACK_IDLE);
    cr_expect_eq(only_packet()->checksum, CHECKSUM_BLANK);
    cr_expect_eq(out.length, frame.length);
    cr_expect_eq(memcmp(out.data, frame.data, frame.length), 0);
    expect_response(0, 100, NETIF_RSP_OKAY);
    cr_expect(notify);
    cr_expect_eq(guest_tx->req_event, 2);
}

/* Slots that begin and end anywhere: the packet is one stream of bytes. */
static void push_scattered(uint16_t first_flags)
{
    uint32_t at = 0, sizes[] = { 66, 4096, 1, 4000, 3000, 4096, 4096 };
    unsigned int nr = sizeof(sizes) / sizeof(sizes[0]);

    for (unsigned int i = 0; i < nr; i++) {
        uint16_t offset = (uint16_t)(PACKET_PAGE - sizes[i]);

        memcpy(guest.page[i] + offset, frame.data + at, sizes[i]);
        push(i, offset, (uint16_t)(i ? sizes[i] : frame.length),
             (uint16_t)((i ? 0 : first_flags) | (i + 1 < nr ? NETTXF_more_data : 0)));
        if (!i && (first_flags & NETTXF_extra_info))
            push_extra(XEN_NETIF_EXTRA_TYPE_GSO, 0, 1448, XEN_NETIF_GSO_TYPE_TCPV4);
        at += sizes[i];
    }
    cr_assert_eq(at, frame.length);
}

Test(netback, many_slots_and_segmentation)
{
    frame_make(&frame, false, PROTOCOL_TCP, 66 + 4096 + 1 + 4000 + 3000 + 4096 + 4096 - 54);
    push_scattered(NETTXF_csum_blank | NETTXF_extra_info);
    cr_expect_eq(run(), NETBACK_IDLE);
    cr_expect_eq(only_packet()->gso, GSO_TCP4);
    cr_expect_eq(STAILQ_FIRST(&list)->gso_size, 1448);
    cr_expect_eq(memcmp(out.data, frame.data, frame.length), 0);
    cr_expect_eq(guest_tx->rsp_prod, 8);
    expect_response(0, 100, NETIF_RSP_OKAY);
    expect_response(1, 0, NETIF_RSP_NULL);
    for (uint16_t i = 2; i < 8; i++)
        expect_response(i, 100 + i, NETIF_RSP_OKAY);
}

Test(netback, every_slot_of_a_full_ring_is_answered)
{
    for (unsigned int i = 0; i < 256; i++)
        push(i % GUEST_GRANTS, 0, 60, 0);
    for (unsigned int round = 0; round < 8 && run() == NETBACK_MORE; round++)
        continue;
    cr_expect_eq(guest_tx->rsp_prod, 256);
    for (unsigned int i = 0; i < 256; i++)
        expect_response(i, (uint16_t)(100 + i), NETIF_RSP_OKAY);
}

Test(netback, bad_grants_cost_the_packet_only)
{
    push(9999, 0, 100, NETTXF_more_data);
    push(1, 0, 40, 0);
    push(2, 0, 60, 0);
    run();
    cr_expect_null(guest_queue.broken);
    only_packet();
    expect_response(0, 100, NETIF_RSP_ERROR);
    expect_response(1, 101, NETIF_RSP_ERROR);
    expect_response(2, 102, NETIF_RSP_OKAY);
    cr_expect_eq(guest_queue.tx_errors, 1);
}

Test(netback, sizes_that_do_not_add_up)
{
    push(1, 0, 13, 0);
    push(1, 0, 100, NETTXF_more_data);
    push(2, 0, 101, 0);
    run();
    cr_expect_null(guest_queue.broken);
    cr_expect(STAILQ_EMPTY(&list));
    expect_response(0, 100, NETIF_RSP_ERROR);
    expect_response(1, 101, NETIF_RSP_ERROR);
    expect_response(2, 102, NETIF_RSP_ERROR);
}

Test(netback, no_memory_drops)
{
    pages_left = 0;
    push(1, 0, 100, 0);
    run();
    pages_left = -1;
    cr_expect(STAILQ_EMPTY(&list));
    expect_response(0, 100, NETIF_RSP_OKAY);
}

static void expect_broken(const char *what)
{
    enum netback_progress progress = run();

    cr_expect_eq(progress, NETBACK_IDLE);
    cr_assert_not_null(guest_queue.broken, "%s", what);
    cr_expect_str_eq(guest_queue.broken, what);
    cr_expect(STAILQ_EMPTY(&list));
    /* Nothing more happens. */
    cr_expect_eq(run(), NETBACK_IDLE);
}

Test(netback, impossible_index)
{
    guest_tx->req_prod = 257;
    expect_broken("impossible request index");
}

Test(netback, index_that_runs_backwards)
{
    push(1, 0, 60, 0);
    run();
    guest_drop(&list);
    guest_tx->req_prod = 0;
    expect_broken("impossible request index");
}

Test(netback, slot_across_a_page)
{
    push(1, 4000, 100, 0);
    expect_broken("a slot crosses a page");
}

Test(netback, later_slot_across_a_page)
{
    push(1, 0, 300, NETTXF_more_data);
    push(2, 4000, 100, 0);
    expect_broken("a slot crosses a page");
}

Test(netback, slots_are_missing)
{
    push(1, 0, 300, NETTXF_more_data);
    expect_broken("a packet's slots are missing");
}

Test(netback, too_many_slots)
{
    for (unsigned int i = 0; i < 30; i++)
        push(1, 0, i ? 1 : 1000, NETTXF_more_data);
    expect_broken("a packet has too many slots");
}

Test(netback, extra_is_missing)
{
    push(1, 0, 300, NETTXF_extra_info);
    expect_broken("extra info is missing");
}

Test(netback, extra_of_unknown_type)
{
    push(1, 0, 300, NETTXF_extra_info);
    push_extra(77, 0, 0, 0);
    expect_broken("an extra info is of unknown type");
}

Test(netback, endless_extras)
{
    push(1, 0, 300, NETTXF_extra_info);
    for (unsigned int i = 0; i < 10; i++)
        push_extra(XEN_NETIF_EXTRA_TYPE_GSO, XEN_NETIF_EXTRA_FLAG_MORE, 1448, XEN_NETIF_GSO_TYPE_TCPV4);
    expect_broken("too many extra infos");
}

Test(netback, segments_of_nothing)
{
    push(1, 0, 300, NETTXF_extra_info);
    push_extra(XEN_NETIF_EXTRA_TYPE_GSO, 0, 0, XEN_NETIF_GSO_TYPE_TCPV4);
    expect_broken("a segment size or type is malformed");
}

static void push_group(uint8_t type, unsigned int number)
{
    netif_extra_info_t extra = { .type = type };
    const uint8_t group[6] = { 1, 0, 0x5e, 0, (uint8_t)(number >> 8), (uint8_t)number };

    memcpy(extra.u.mcast.addr, group, 6);
    push(0, 0, 0, NETTXF_extra_info);
    memcpy(&guest_tx->ring[guest_tx->req_prod++ & 255], &extra, sizeof(extra));
}

static bool wants_group(unsigned int number)
{
    const uint8_t group[6] = { 1, 0, 0x5e, 0, (uint8_t)(number >> 8), (uint8_t)number };

    return netback_wants(&guest_options, group);
}

Test(netback, multicast_filter)
{
    static const uint8_t all[6] = { 255, 255, 255, 255, 255, 255 }, single[6] = { 0, 22, 62, 1, 2, 3 };

    cr_expect(wants_group(7), "without a filter it wants everything");
    guest_options.filter_multicast = true;
    cr_expect(netback_wants(&guest_options, all));
    cr_expect(netback_wants(&guest_options, single));
    cr_expect_not(wants_group(7));
    push_group(XEN_NETIF_EXTRA_TYPE_MCAST_ADD, 7);
    push_group(XEN_NETIF_EXTRA_TYPE_MCAST_ADD, 8);
    cr_expect_eq(run(), NETBACK_IDLE);
    cr_expect(wants_group(7) && wants_group(8) && !wants_group(9));
    push_group(XEN_NETIF_EXTRA_TYPE_MCAST_DEL, 7);
    push_group(XEN_NETIF_EXTRA_TYPE_MCAST_DEL, 9);
    cr_expect_eq(run(), NETBACK_IDLE);
    cr_expect(!wants_group(7) && wants_group(8) && !wants_group(9));
    cr_expect_eq(guest_tx->rsp_prod, 8);
    for (unsigned int slot = 0; slot < 8; slot += 2) {
        expect_response(slot, (uint16_t)(100 + slot), NETIF_RSP_OKAY);
        expect_response(slot + 1, 0, NETIF_RSP_NULL);
    }
    cr_expect(STAILQ_EMPTY(&list));
}

Test(netback, multicast_group_added_twice)
{
    guest_options.filter_multicast = true;
    for (unsigned int i = 0; i < 2; i++)
        push_group(XEN_NETIF_EXTRA_TYPE_MCAST_ADD, 7);
    push_group(XEN_NETIF_EXTRA_TYPE_MCAST_DEL, 7);
    cr_expect_eq(run(), NETBACK_IDLE);
    cr_expect(wants_group(7));
    push_group(XEN_NETIF_EXTRA_TYPE_MCAST_DEL, 7);
    cr_expect_eq(run(), NETBACK_IDLE);
    cr_expect_not(wants_group(7));
}

Test(netback, multicast_list_is_full)
{
    guest_options.filter_multicast = true;
    for (unsigned int i = 0; i <= NETBACK_MULTICAST; i++) {
        push_group(XEN_NETIF_EXTRA_TYPE_MCAST_ADD, i);
        cr_expect_eq(run(), NETBACK_IDLE);
        expect_response(2 * i, (uint16_t)(100 + 2 * i),
                        i < NETBACK_MULTICAST ? NETIF_RSP_OKAY : NETIF_RSP_ERROR);
        cr_expect_eq(wants_group(i), i < NETBACK_MULTICAST);
    }
    push_group(XEN_NETIF_EXTRA_TYPE_MCAST_DEL, 0);
    push_group(XEN_NETIF_EXTRA_TYPE_MCAST_ADD, NETBACK_MULTICAST);
    cr_expect_eq(run(), NETBACK_IDLE);
    cr_expect(wants_group(NETBACK_MULTICAST) && !wants_group(0));
}

Test(netback, rate_limit)
{
    unsigned int packets = 0;
    uint64_t now = 0;

    guest_credit = (struct netback_credit){ .bytes = 70000, .period = 1000, .left = 0 };
    for (; guest_tx->rsp_prod < 200; now += 100) {
        enum netback_progress progress;

        while (guest_tx->req_prod - guest_tx->rsp_prod < 100)
            push(1, 0, 1000, 0);
        progress = netback_queue_transmit(&guest_queue, now, &list, &notify);
        for (struct packet *packet = STAILQ_FIRST(&list); packet; packet = STAILQ_NEXT(packet, next))
            packets++;
        guest_drop(&list);
        if (progress == NETBACK_NO_CREDIT)
            cr_expect_leq(packets * 1000, 70000 * (now / 1000 + 1));
    }
    cr_expect_geq(now, 2000);
}

/* ---- to the guest ---- */

static void offer(unsigned int nr)
{
    for (; nr; nr--, guest_rx->req_prod++)
        guest_rx->ring[guest_rx->req_prod & 255].req =
            (netif_rx_request_t){ .id = (uint16_t)(guest_rx->req_prod & 255),
                                  .gref = guest_rx->req_prod % GUEST_GRANTS };
}

static struct packet *large(uint32_t payload)
{
    struct packet *packet;

    frame_make(&frame, false, PROTOCOL_TCP, payload);
    packet = frame_packet(&frame);
    if (frame.length > 1514) {
        packet->gso = GSO_TCP4;
        packet->gso_size = 1448;
    }
    return packet;
}

Test(netback, delivers_small_packets)
{
    offer(4);
    cr_assert(netback_queue_add(&guest_queue, large(100)));
    cr_expect_eq(netback_queue_receive(&guest_queue, &notify), NETBACK_IDLE);
    cr_expect(notify);
    cr_expect_eq(guest_rx->rsp_prod, 1);
    cr_expect_eq(guest_rx->ring[0].rsp.status, (int16_t)frame.length);
    cr_expect_eq(guest_rx->ring[0].rsp.flags, NETRXF_csum_blank | NETRXF_data_validated);
    cr_expect_eq(memcmp(guest.page[0], frame.data, frame.length), 0);
}

Test(netback, delivers_large_packets)
{
    uint32_t got = 0;

    offer(20);
    cr_assert(netback_queue_add(&guest_queue, large(60000)));
    netback_queue_receive(&guest_queue, &notify);
    cr_expect_eq(guest_rx->rsp_prod, 16);
    for (unsigned int i = 0; i < 16; i++) {
        const netif_rx_response_t *response = &guest_rx->ring[i].rsp;
        netif_extra_info_t extra;

        if (i == 1) {
            memcpy(&extra, response, sizeof(extra));
            cr_expect_eq(extra.type, XEN_NETIF_EXTRA_TYPE_GSO);
            cr_expect_eq(extra.u.gso.size, 1448);
            cr_expect_eq(extra.u.gso.type, XEN_NETIF_GSO_TYPE_TCPV4);
            continue;
        }
        cr_expect_eq(response->id, i);
        cr_expect_eq(!(response->flags & NETRXF_more_data), i == 15);
        cr_expect_eq(memcmp(guest.page[i], frame.data + got, (size_t)response->status), 0);
        got += (uint32_t)response->status;
    }
    cr_expect_eq(got, frame.length);
}

Test(netback, waits_for_buffers)
{
    offer(3);
    cr_assert(netback_queue_add(&guest_queue, large(20000)));
    cr_expect_eq(netback_queue_receive(&guest_queue, &notify), NETBACK_IDLE);
    cr_expect_eq(guest_rx->rsp_prod, 0);
    cr_expect_eq(guest_rx->req_event, 6);
    offer(3);
    netback_queue_receive(&guest_queue, &notify);
    cr_expect_eq(guest_rx->rsp_prod, 6);
}

Test(netback, packets_in_line_have_a_limit)
{
    unsigned int taken = 0;

    while (netback_queue_add(&guest_queue, large(60000)))
        taken++;
    cr_expect_eq(taken, NETBACK_PENDING_BYTES / frame.length);
}

Test(netback, large_packets_need_scatter_gather)
{
    guest_options.scatter_gather = false;
    cr_expect_not(netback_queue_add(&guest_queue, large(60000)));
}

Test(netback, bad_receive_grant)
{
    offer(2);
    guest_rx->ring[0].req.gref = 9999;
    netback_queue_add(&guest_queue, large(100));
    netback_queue_add(&guest_queue, large(100));
    netback_queue_receive(&guest_queue, &notify);
    cr_expect_eq(guest_rx->ring[0].rsp.status, NETIF_RSP_ERROR);
    cr_expect_gt(guest_rx->ring[1].rsp.status, 0);
    cr_expect_null(guest_queue.broken);
}

Test(netback, impossible_receive_index)
{
    guest_rx->req_prod = 300;
    netback_queue_add(&guest_queue, large(100));
    cr_expect_eq(netback_queue_receive(&guest_queue, &notify), NETBACK_IDLE);
    cr_expect_not_null(guest_queue.broken);
    cr_expect_eq(guest_rx->rsp_prod, 0);
}
