/* SPDX-License-Identifier: MIT */
/* Arbitrary bytes as a guest's network rings: every packet goes through the switch to ports of all kinds. */
/* fuzz-sources: split_drivers/coalesce.c split_drivers/packet.c split_drivers/segment.c split_drivers/switch.c */
/* fuzz-sources: split_drivers/netback_rx.c split_drivers/netback_tx.c */
#include "split_drivers/switch.h"
#include "tests/unit/netback_guest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct net_switch net;
static struct switch_port from, plain, capable;

static void to_nowhere(struct switch_port *port, struct packet *packet)
{
    (void)port;
    packet_put(packet);
}

static void to_guest(struct switch_port *port, struct packet *packet)
{
    (void)port;
    netback_queue_add(&guest_queue, packet);
}

static void connect(void)
{
    guest_connect();
    switch_init(&net, "fuzz");
    from = (struct switch_port){ .name = "from", .transmit = to_nowhere };
    plain = (struct switch_port){ .name = "plain", .transmit = to_nowhere };
    capable = (struct switch_port){ .name = "capable",
                                    .transmit = to_guest,
                                    .features = PORT_CHECKSUM4 | PORT_CHECKSUM6 | PORT_GSO4 | PORT_GSO6 };
    switch_add_port(&net, &from);
    switch_add_port(&net, &plain);
    switch_add_port(&net, &capable);
}

static void run(void)
{
    struct packet_list list = STAILQ_HEAD_INITIALIZER(list);
    bool notify = false;

    for (int i = 0; i < 8 && netback_queue_transmit(&guest_queue, 1, &list, &notify) == NETBACK_MORE; i++)
        continue;
    while (!STAILQ_EMPTY(&list)) {
        struct packet *packet = STAILQ_FIRST(&list);

        STAILQ_REMOVE_HEAD(&list, next);
        switch_input(&from, packet, 1);
    }
    for (int i = 0; i < 8 && netback_queue_receive(&guest_queue, &notify) == NETBACK_MORE; i++)
        continue;
}

/* The input: how far each ring goes, its slots, then what stands in the granted pages. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t slots = sizeof(guest_tx->ring[0]) * 24, buffers = sizeof(guest_rx->ring[0]) * 24;

    if (size < 4 + slots + buffers)
        return 0;
    connect();
    memcpy(guest_tx->ring, data + 4, slots);
    memcpy(guest_rx->ring, data + 4 + slots, buffers);
    for (size_t at = 4 + slots + buffers, page = 0; at < size && page < 16; page++) {
        size_t part = size - at < 200 ? size - at : 200;

        memcpy(guest.page[page], data + at, part);
        at += part;
    }
    guest_tx->req_prod = (RING_IDX)(data[0] | (data[1] & 0x80) << 8);
    guest_rx->req_prod = (RING_IDX)(data[2] | (data[3] & 0x80) << 8);
    run();
    netback_queue_free(&guest_queue);
    switch_remove_port(&from);
    switch_remove_port(&plain);
    switch_remove_port(&capable);
    if (pages_out)
        abort();
    return 0;
}
