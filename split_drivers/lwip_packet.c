/* SPDX-License-Identifier: MIT */
#include "split_drivers/lwip_packet.h"
#include "lwip/netif.h"
#include "pvguest/cpu.h"
#include "pvguest/pool.h"
#include <string.h>

struct chain;

struct piece {
    struct pbuf_custom custom; /* must be first */
    struct chain *chain;
};

/* The pbufs of one packet: freed one by one, by whoever uses them. */
struct chain {
    struct packet *packet;
    unsigned int left; /* upcalls masked */
    struct piece piece[PACKET_FRAGS];
};

static struct pool pool = { .size = sizeof(struct chain), .most = 64 };

static void free_piece(struct pbuf *pbuf)
{
    struct chain *chain = ((struct piece *)pbuf)->chain;
    bool masked = upcalls_disable();
    bool last = --chain->left == 0;

    upcalls_restore(masked);
    if (last) {
        packet_put(chain->packet);
        pool_free(&pool, chain);
    }
}

struct pbuf *packet_to_pbuf(struct packet *packet)
{
    struct chain *chain = pool_alloc(&pool);
    struct pbuf *head = NULL;

    if (!chain) {
        packet_put(packet);
        return NULL;
    }
    chain->packet = packet;
    chain->left = packet->nr_frags;
    for (unsigned int i = packet->nr_frags; i-- > 0;) {
        const struct packet_frag *frag = &packet->frag[i];
        struct piece *piece = &chain->piece[i];
        struct pbuf *pbuf;

        piece->chain = chain;
        piece->custom.custom_free_function = free_piece;
        pbuf = pbuf_alloced_custom(PBUF_RAW, frag->length, PBUF_REF, &piece->custom,
                                   (uint8_t *)frag->page + frag->offset, frag->length);
        if (head)
            pbuf_cat(pbuf, head);
        head = pbuf;
    }
    return head;
}

struct packet *packet_from_pbuf(const struct pbuf *pbuf)
{
    struct packet *packet = packet_alloc(pbuf->tot_len);
    uint16_t at = 0;

    if (!packet)
        return NULL;
    for (unsigned int i = 0; i < packet->nr_frags; at = (uint16_t)(at + packet->frag[i++].length))
        pbuf_copy_partial(pbuf, packet->frag[i].page, packet->frag[i].length, at);
    packet->checksum = packet_prepare_checksum(packet) ? CHECKSUM_BLANK : CHECKSUM_UNKNOWN;
    return packet;
}

bool packet_run_add_pbuf(struct packet_run *run, const struct pbuf *pbuf)
{
    struct packet view;
    uint32_t at, done, length;

    view.length = pbuf->tot_len;
    view.checksum = CHECKSUM_BLANK;
    view.gso = GSO_NONE;
    view.frag[0] = (struct packet_frag){ pbuf->payload, 0, pbuf->len };
    at = packet_run_extend(run, &view);
    if (!at)
        return false;
    length = run->head->length - at;
    for (done = 0; done < length;) {
        const struct packet_frag *frag = &run->head->frag[(at + done) / PACKET_PAGE];
        uint32_t offset = (at + done) % PACKET_PAGE;
        uint32_t here = length - done < PACKET_PAGE - offset ? length - done : PACKET_PAGE - offset;

        pbuf_copy_partial(pbuf, (uint8_t *)frag->page + offset, (uint16_t)here,
                          (uint16_t)(pbuf->tot_len - length + done));
        done += here;
    }
    return true;
}

void lwip_packet_offload(struct netif *netif)
{
    NETIF_SET_CHECKSUM_CTRL(netif, NETIF_CHECKSUM_ENABLE_ALL &
                                       ~(NETIF_CHECKSUM_GEN_TCP | NETIF_CHECKSUM_GEN_UDP |
                                         NETIF_CHECKSUM_CHECK_TCP | NETIF_CHECKSUM_CHECK_UDP));
}
