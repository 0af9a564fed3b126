/* SPDX-License-Identifier: MIT */
/* To the guest: its receive ring, and the packets in line for it. */
#include "split_drivers/netback_queue.h"
#include <string.h>

#define RX_BATCH_SLOTS 128

void netback_queue_init(struct netback_queue *queue, netif_tx_sring_t *tx, netif_rx_sring_t *rx)
{
    RING_IDX tx_at = *(volatile RING_IDX *)&tx->rsp_prod, rx_at = *(volatile RING_IDX *)&rx->rsp_prod;

    BACK_RING_ATTACH(&queue->tx, tx, tx_at, PACKET_PAGE);
    BACK_RING_ATTACH(&queue->rx, rx, rx_at, PACKET_PAGE);
    STAILQ_INIT(&queue->pending);
    queue->pending_bytes = 0;
    queue->broken = NULL;
}

static struct packet *take_pending(struct netback_queue *queue)
{
    struct packet *packet = STAILQ_FIRST(&queue->pending);

    STAILQ_REMOVE_HEAD(&queue->pending, next);
    queue->pending_bytes -= packet->length;
    return packet;
}

void netback_queue_free(struct netback_queue *queue)
{
    while (!STAILQ_EMPTY(&queue->pending))
        packet_put(take_pending(queue));
}

bool netback_wants(const struct netback_options *options, const uint8_t *destination)
{
    static const uint8_t broadcast[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

    if (!(destination[0] & 1) || !options->filter_multicast || memcmp(destination, broadcast, 6) == 0)
        return true;
    for (unsigned int i = 0; i < options->nr_multicast; i++)
        if (memcmp(options->multicast[i], destination, 6) == 0)
            return true;
    return false;
}

bool netback_queue_add(struct netback_queue *queue, struct packet *packet)
{
    if (queue->broken || queue->pending_bytes + packet->length > NETBACK_PENDING_BYTES ||
        (packet->length > PACKET_PAGE && !queue->options->scatter_gather)) {
        packet_put(packet);
        return false;
    }
    STAILQ_INSERT_TAIL(&queue->pending, packet, next);
    queue->pending_bytes += packet->length;
    return true;
}

/* A slot of the ring that a batch fills. */
struct slot {
    uint16_t id, flags, length;
    uint16_t first_op, nr_ops;
    bool extra; /* info on the first slot's packet */
    netif_extra_info_t info;
};

struct batch {
    struct slot slot[RX_BATCH_SLOTS];
    unsigned int nr;
};

static unsigned int slots_for(const struct packet *packet)
{
    return (packet->length + PACKET_PAGE - 1) / PACKET_PAGE + (packet->gso != GSO_NONE);
}

static uint16_t first_flags(const struct packet *packet)
{
    uint16_t flags = packet->gso != GSO_NONE ? NETRXF_extra_info : 0;

    if (packet->checksum == CHECKSUM_BLANK)
        return flags | NETRXF_csum_blank | NETRXF_data_validated;
    return packet->checksum == CHECKSUM_VALID ? flags | NETRXF_data_validated : flags;
}

/* Where the next byte of a packet is. */
struct cursor {
    const struct packet_frag *frag;
    uint32_t taken; /* of it */
};

/* Adds the copies that fill one slot's page with what follows of the packet. */
static void copy_to_slot(struct netback_queue *queue, struct cursor *cursor, struct slot *slot,
                         grant_ref_t ref)
{
    slot->first_op = (uint16_t)queue->copy->nr;
    for (uint32_t done = 0; done < slot->length;) {
        const struct packet_frag *frag = cursor->frag;
        uint32_t rest = frag->length - cursor->taken;
        uint16_t here = (uint16_t)(rest < slot->length - done ? rest : slot->length - done);

        grant_copy_to(queue->copy, ref, (uint16_t)done,
                      (const uint8_t *)frag->page + frag->offset + cursor->taken, here);
        done += here;
        cursor->taken += here;
        if (cursor->taken == frag->length)
            *cursor = (struct cursor){ frag + 1, 0 };
    }
    slot->nr_ops = (uint16_t)(queue->copy->nr - slot->first_op);
}

static struct slot *take_slot(struct netback_queue *queue, struct batch *batch, netif_rx_request_t *request)
{
    struct slot *slot = &batch->slot[batch->nr++];

    RING_COPY_REQUEST(&queue->rx, queue->rx.req_cons, request);
    queue->rx.req_cons++;
    *slot = (struct slot){ .id = request->id };
    return slot;
}

static void fill_packet(struct netback_queue *queue, struct batch *batch, const struct packet *packet)
{
    struct cursor cursor = { packet->frag, 0 };

    for (uint32_t offset = 0; offset < packet->length;) {
        uint32_t rest = packet->length - offset;
        netif_rx_request_t request;
        struct slot *slot = take_slot(queue, batch, &request);

        slot->length = (uint16_t)(rest < PACKET_PAGE ? rest : PACKET_PAGE);
        slot->flags =
            (uint16_t)((offset ? 0 : first_flags(packet)) | (rest > PACKET_PAGE ? NETRXF_more_data : 0));
        copy_to_slot(queue, &cursor, slot, request.gref);
        offset += slot->length;
        if (slot->flags & NETRXF_extra_info) {
            slot = take_slot(queue, batch, &request);
            slot->extra = true;
            slot->info.type = XEN_NETIF_EXTRA_TYPE_GSO;
            slot->info.u.gso.size = packet->gso_size;
            slot->info.u.gso.type =
                packet->gso == GSO_TCP4 ? XEN_NETIF_GSO_TYPE_TCPV4 : XEN_NETIF_GSO_TYPE_TCPV6;
        }
    }
}

/* A response stands in the slot of its request: frontends count on it. */
static void respond(struct netback_queue *queue, const struct batch *batch, bool *notify)
{
    int wanted;

    for (unsigned int i = 0; i < batch->nr; i++) {
        const struct slot *slot = &batch->slot[i];
        netif_rx_response_t *response = RING_GET_RESPONSE(&queue->rx, queue->rx.rsp_prod_pvt);
        int16_t status = (int16_t)slot->length;

        queue->rx.rsp_prod_pvt++;
        if (slot->extra) {
            memcpy(response, &slot->info, sizeof(slot->info));
            continue;
        }
        for (unsigned int op = slot->first_op; op < slot->first_op + slot->nr_ops; op++)
            if (queue->copy->op[op].status != GNTST_okay)
                status = NETIF_RSP_ERROR;
        queue->rx_errors += status == NETIF_RSP_ERROR;
        *response = (netif_rx_response_t){ .id = slot->id, .flags = slot->flags, .status = status };
    }
    RING_PUSH_RESPONSES_AND_CHECK_NOTIFY(&queue->rx, wanted);
    *notify = *notify || wanted;
}

/* Whether the guest has that many buffers; if not, it is to tell when it has. */
static bool has_buffers(struct netback_queue *queue, unsigned int slots)
{
    for (bool told = false;; told = true) {
        RING_IDX there = *(volatile RING_IDX *)&queue->rx.sring->req_prod - queue->rx.req_cons;

        xen_rmb();
        if (there > RING_SIZE(&queue->rx)) {
            queue->broken = "impossible index of receive buffers";
            return false;
        }
        if (there >= slots)
            return true;
        if (told)
            return false;
        queue->rx.sring->req_event = queue->rx.req_cons + slots;
        xen_mb();
    }
}

enum netback_progress netback_queue_receive(struct netback_queue *queue, bool *notify)
{
    struct packet_list done = STAILQ_HEAD_INITIALIZER(done);
    struct batch batch; /* large: only what is used of it is written */
    bool starved = false;

    batch.nr = 0;
    queue->copy->domid = queue->domid;
    queue->copy->nr = 0;
    while (!queue->broken && !STAILQ_EMPTY(&queue->pending)) {
        struct packet *packet = STAILQ_FIRST(&queue->pending);
        unsigned int slots = slots_for(packet);

        if (batch.nr + slots > RX_BATCH_SLOTS || queue->copy->nr + slots + PACKET_FRAGS > GRANT_COPY_BATCH)
            break;
        starved = !has_buffers(queue, slots);
        if (starved)
            break;
        take_pending(queue);
        fill_packet(queue, &batch, packet);
        STAILQ_INSERT_TAIL(&done, packet, next);
    }
    grant_copy_run(queue->copy);
    if (batch.nr)
        respond(queue, &batch, notify);
    while (!STAILQ_EMPTY(&done)) {
        struct packet *packet = STAILQ_FIRST(&done);

        STAILQ_REMOVE_HEAD(&done, next);
        packet_put(packet);
    }
    return queue->broken || starved || STAILQ_EMPTY(&queue->pending) ? NETBACK_IDLE : NETBACK_MORE;
}
