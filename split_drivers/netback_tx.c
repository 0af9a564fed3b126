/* SPDX-License-Identifier: MIT */
/* From the guest: its transmit ring. */
#include "split_drivers/netback_queue.h"
#include <string.h>

/* A slot that was taken, for its response. */
struct slot {
    uint16_t id;
    int16_t status;
};

/* A packet whose data is being copied. */
struct incoming {
    struct packet *packet;
    unsigned int first_op, nr_ops;
    unsigned int first_slot, nr_slots;
};

struct batch {
    struct slot slot[NETBACK_TX_SLOTS + NETBACK_MAX_SLOTS + NETBACK_MAX_EXTRAS];
    struct incoming incoming[NETBACK_TX_SLOTS];
    unsigned int nr_slots, nr_incoming;
};

/* One packet's requests, copied and checked. */
struct request {
    netif_tx_request_t part[NETBACK_MAX_SLOTS];
    netif_extra_info_t extra[XEN_NETIF_EXTRA_TYPE_MAX]; /* by type; type NONE: not there */
    unsigned int nr_parts;
    uint32_t total;
    int16_t status; /* NETIF_RSP_ERROR: well-formed, but no packet */
};

static bool fail(struct netback_queue *queue, const char *what)
{
    queue->broken = what;
    return false;
}

static void add_slot(struct batch *batch, uint16_t id, int16_t status)
{
    batch->slot[batch->nr_slots++] = (struct slot){ id, status };
}

/* Takes the extra-info slots behind the first request. */
static bool take_extras(struct netback_queue *queue, RING_IDX end, struct request *request,
                        struct batch *batch)
{
    netif_extra_info_t extra;
    unsigned int nr = 0;

    do {
        if (queue->tx.req_cons == end)
            return fail(queue, "extra info is missing");
        if (nr++ == NETBACK_MAX_EXTRAS)
            return fail(queue, "too many extra infos");
        memcpy(&extra, RING_GET_REQUEST(&queue->tx, queue->tx.req_cons), sizeof(extra));
        __asm__ __volatile__("" ::: "memory"); /* the copy is made here, once */
        queue->tx.req_cons++;
        add_slot(batch, 0, NETIF_RSP_NULL);
        if (extra.type == XEN_NETIF_EXTRA_TYPE_NONE || extra.type >= XEN_NETIF_EXTRA_TYPE_MAX)
            return fail(queue, "an extra info is of unknown type");
        request->extra[extra.type] = extra;
    } while (extra.flags & XEN_NETIF_EXTRA_FLAG_MORE);
    return true;
}

/* The first request says the packet's size; what the others do not have of it is its own. */
static bool take_parts(struct netback_queue *queue, RING_IDX end, struct request *request,
                       struct batch *batch)
{
    uint32_t rest = request->total;
    uint16_t flags = request->part[0].flags;

    while (flags & NETTXF_more_data) {
        netif_tx_request_t *part = &request->part[request->nr_parts];

        if (queue->tx.req_cons == end)
            return fail(queue, "a packet's slots are missing");
        if (request->nr_parts == NETBACK_MAX_SLOTS)
            return fail(queue, "a packet has too many slots");
        RING_COPY_REQUEST(&queue->tx, queue->tx.req_cons, part);
        queue->tx.req_cons++;
        request->nr_parts++;
        add_slot(batch, part->id, NETIF_RSP_OKAY);
        if (part->offset + part->size > PACKET_PAGE)
            return fail(queue, "a slot crosses a page");
        if (part->size > rest)
            request->status = NETIF_RSP_ERROR;
        else
            rest -= part->size;
        flags = part->flags;
    }
    request->part[0].size = (uint16_t)rest;
    if (request->part[0].offset + rest > PACKET_PAGE && request->status == NETIF_RSP_OKAY)
        return fail(queue, "a slot crosses a page");
    return true;
}

/* The rest of a packet whose first request has been copied. */
static bool take_request(struct netback_queue *queue, RING_IDX end, struct request *request,
                         struct batch *batch)
{
    queue->tx.req_cons++;
    request->nr_parts = 1;
    request->total = request->part[0].size;
    request->status = request->total >= ETHERNET_HEADER ? NETIF_RSP_OKAY : NETIF_RSP_ERROR;
    for (unsigned int i = 0; i < XEN_NETIF_EXTRA_TYPE_MAX; i++)
        request->extra[i].type = XEN_NETIF_EXTRA_TYPE_NONE;
    add_slot(batch, request->part[0].id, NETIF_RSP_OKAY);
    if ((request->part[0].flags & NETTXF_extra_info) && !take_extras(queue, end, request, batch))
        return false;
    return take_parts(queue, end, request, batch);
}

static bool add_group(struct netback_options *options, const uint8_t *address)
{
    if (options->nr_multicast == NETBACK_MULTICAST)
        return false;
    memcpy(options->multicast[options->nr_multicast++], address, 6);
    return true;
}

/* What was added twice has to be dropped twice. */
static void drop_group(struct netback_options *options, const uint8_t *address)
{
    for (unsigned int i = 0; i < options->nr_multicast; i++)
        if (memcmp(options->multicast[i], address, 6) == 0) {
            memmove(options->multicast[i], options->multicast[--options->nr_multicast], 6);
            return;
        }
}

/* A request with these changes the filter and has no packet: its answer says whether that was done. True: it
 * was such a one. */
static bool change_filter(struct netback_options *options, struct request *request)
{
    const netif_extra_info_t *add = &request->extra[XEN_NETIF_EXTRA_TYPE_MCAST_ADD];
    const netif_extra_info_t *drop = &request->extra[XEN_NETIF_EXTRA_TYPE_MCAST_DEL];
    bool done = true;

    if (add->type == XEN_NETIF_EXTRA_TYPE_NONE && drop->type == XEN_NETIF_EXTRA_TYPE_NONE)
        return false;
    if (drop->type != XEN_NETIF_EXTRA_TYPE_NONE)
        drop_group(options, drop->u.mcast.addr);
    if (add->type != XEN_NETIF_EXTRA_TYPE_NONE)
        done = add_group(options, add->u.mcast.addr);
    request->status = done ? NETIF_RSP_OKAY : NETIF_RSP_ERROR;
    return true;
}

static bool set_offloads(struct packet *packet, const struct request *request)
{
    const netif_extra_info_t *gso = &request->extra[XEN_NETIF_EXTRA_TYPE_GSO];
    uint16_t flags = request->part[0].flags;

    packet->checksum = flags & NETTXF_csum_blank       ? CHECKSUM_BLANK
                       : flags & NETTXF_data_validated ? CHECKSUM_VALID
                                                       : CHECKSUM_UNKNOWN;
    if (gso->type == XEN_NETIF_EXTRA_TYPE_NONE || gso->u.gso.type == XEN_NETIF_GSO_TYPE_NONE)
        return true;
    if (gso->u.gso.type > XEN_NETIF_GSO_TYPE_TCPV6 || gso->u.gso.size == 0)
        return false;
    packet->gso = gso->u.gso.type == XEN_NETIF_GSO_TYPE_TCPV4 ? GSO_TCP4 : GSO_TCP6;
    packet->gso_size = gso->u.gso.size;
    packet->checksum = CHECKSUM_BLANK;
    return true;
}

/* Adds the copies that fill the packet: both sides are cut where one of them reaches a page's end. */
static void add_copies(struct netback_queue *queue, const struct request *request, struct packet *packet)
{
    uint32_t at = 0;

    for (unsigned int i = 0; i < request->nr_parts; i++) {
        const netif_tx_request_t *part = &request->part[i];

        for (uint32_t done = 0; done < part->size;) {
            struct packet_frag *frag = &packet->frag[at / PACKET_PAGE];
            uint32_t offset = at % PACKET_PAGE, room = PACKET_PAGE - offset;
            uint16_t length = (uint16_t)(part->size - done < room ? part->size - done : room);

            grant_copy_from(queue->copy, part->gref, (uint16_t)(part->offset + done),
                            (uint8_t *)frag->page + offset, length);
            done += length;
            at += length;
        }
    }
}

/* A packet's slots are answered alike, but for those of extra info. */
static void fail_slots(struct batch *batch, const struct incoming *incoming)
{
    for (unsigned int i = 0; i < incoming->nr_slots; i++)
        if (batch->slot[incoming->first_slot + i].status != NETIF_RSP_NULL)
            batch->slot[incoming->first_slot + i].status = NETIF_RSP_ERROR;
}

/* What a checked request, of the slots from first_slot on, asks for; false: the rings are broken. */
static bool begin_packet(struct netback_queue *queue, struct request *request, unsigned int first_slot,
                         struct batch *batch)
{
    struct incoming *incoming = &batch->incoming[batch->nr_incoming];

    *incoming = (struct incoming){
        .first_op = queue->copy->nr,
        .first_slot = first_slot,
        .nr_slots = batch->nr_slots - first_slot,
    };
    if (!change_filter(queue->options, request) && request->status == NETIF_RSP_OKAY)
        incoming->packet = packet_alloc(request->total);
    if (incoming->packet && !set_offloads(incoming->packet, request)) {
        packet_put(incoming->packet);
        incoming->packet = NULL;
        return fail(queue, "a segment size or type is malformed");
    }
    if (incoming->packet)
        add_copies(queue, request, incoming->packet);
    incoming->nr_ops = queue->copy->nr - incoming->first_op;
    if (request->status == NETIF_RSP_ERROR)
        fail_slots(batch, incoming);
    batch->nr_incoming++;
    return true;
}

static bool has_credit(struct netback_credit *credit, uint32_t size, uint64_t now)
{
    uint64_t most = credit->bytes > PACKET_MAX ? credit->bytes : PACKET_MAX;

    if (!credit->bytes)
        return true;
    if (now - credit->window >= credit->period) {
        credit->window = now;
        credit->left = credit->left + credit->bytes < most ? credit->left + credit->bytes : most;
    }
    if (size > credit->left)
        return false;
    credit->left -= size;
    return true;
}

static void respond(struct netback_queue *queue, const struct batch *batch, bool *notify)
{
    int wanted;

    for (unsigned int i = 0; i < batch->nr_slots; i++) {
        netif_tx_response_t *response = RING_GET_RESPONSE(&queue->tx, queue->tx.rsp_prod_pvt);

        response->id = batch->slot[i].id;
        response->status = batch->slot[i].status;
        queue->tx.rsp_prod_pvt++;
    }
    RING_PUSH_RESPONSES_AND_CHECK_NOTIFY(&queue->tx, wanted);
    *notify = *notify || wanted;
}

/* The copies have been made: whole packets go to the list. */
static void finish_packets(struct netback_queue *queue, struct batch *batch, struct packet_list *list)
{
    for (unsigned int n = 0; n < batch->nr_incoming; n++) {
        struct incoming *incoming = &batch->incoming[n];
        bool good = true;

        for (unsigned int i = 0; i < incoming->nr_ops; i++)
            good = good && queue->copy->op[incoming->first_op + i].status == GNTST_okay;
        if (!good) {
            packet_put(incoming->packet);
            incoming->packet = NULL;
            queue->tx_errors++;
            fail_slots(batch, incoming);
        }
        if (incoming->packet)
            STAILQ_INSERT_TAIL(list, incoming->packet, next);
    }
}

static void drop_all(struct batch *batch)
{
    for (unsigned int n = 0; n < batch->nr_incoming; n++)
        if (batch->incoming[n].packet)
            packet_put(batch->incoming[n].packet);
}

static bool batch_has_room(const struct netback_queue *queue, const struct batch *batch)
{
    return batch->nr_slots < NETBACK_TX_SLOTS &&
           queue->copy->nr + NETBACK_MAX_SLOTS + PACKET_FRAGS <= GRANT_COPY_BATCH;
}

/* The requests that the guest has pushed; false: more than the ring holds. */
static bool pushed(struct netback_queue *queue, RING_IDX *end)
{
    *end = *(volatile RING_IDX *)&queue->tx.sring->req_prod;
    xen_rmb();
    return *end - queue->tx.req_cons <= RING_SIZE(&queue->tx) ? true
                                                              : fail(queue, "impossible request index");
}

enum netback_progress netback_queue_transmit(struct netback_queue *queue, uint64_t now,
                                             struct packet_list *list, bool *notify)
{
    struct batch batch; /* large: only what is used of it is written */
    struct request request;
    bool credit = true;
    int more;
    RING_IDX end;

    batch.nr_slots = batch.nr_incoming = 0;
    queue->copy->domid = queue->domid;
    queue->copy->nr = 0;
    if (queue->broken || !pushed(queue, &end))
        return NETBACK_IDLE;
    while (queue->tx.req_cons != end && batch_has_room(queue, &batch)) {
        unsigned int first_slot = batch.nr_slots;

        RING_COPY_REQUEST(&queue->tx, queue->tx.req_cons, &request.part[0]);
        credit = has_credit(queue->credit, request.part[0].size, now);
        if (!credit)
            break;
        if (!take_request(queue, end, &request, &batch) ||
            !begin_packet(queue, &request, first_slot, &batch)) {
            drop_all(&batch);
            return NETBACK_IDLE;
        }
    }
    grant_copy_run(queue->copy);
    finish_packets(queue, &batch, list);
    if (batch.nr_slots)
        respond(queue, &batch, notify);
    if (!credit)
        return NETBACK_NO_CREDIT;
    if (queue->tx.req_cons != end)
        return NETBACK_MORE;
    RING_FINAL_CHECK_FOR_REQUESTS(&queue->tx, more);
    return more ? NETBACK_MORE : NETBACK_IDLE;
}
