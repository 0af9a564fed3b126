/* SPDX-License-Identifier: MIT */
#include "split_drivers/netfront_ring.h"
#include "pvguest/grant_table.h"
#include "pvguest/memory.h"
#include "pvguest/xen_errno.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int grant_page(struct netfront_page *slot, domid_t backend, bool readonly)
{
    int ref;

    slot->page = page_alloc(0);
    if (!slot->page)
        return ENOMEM;
    ref = gnttab_grant_access(backend, virt_to_mfn(slot->page), readonly);
    if (ref < 0) {
        page_free(slot->page, 0);
        slot->page = NULL;
        return xen_errno_to_c(ref);
    }
    slot->ref = (grant_ref_t)ref;
    return 0;
}

/* A page that the backend still maps is lost: it must not be used for anything else. */
static void ungrant_page(struct netfront_page *slot)
{
    if (slot->page && !gnttab_end_access(slot->ref))
        page_free(slot->page, 0);
    slot->page = NULL;
}

/* Ends a transmit slot's grant; a packet goes with the last of its slots. */
static bool take_back(struct netfront_ring *ring, unsigned int id)
{
    struct netfront_sent *sent = &ring->sent[id];
    bool ended = !sent->ref || !gnttab_end_access(sent->ref);

    if (ended && sent->packet)
        packet_put(sent->packet);
    *sent = (struct netfront_sent){ 0 };
    return ended;
}

/* ---- open and close ---- */

static int grant_ring(void **page, grant_ref_t *ref, domid_t backend)
{
    struct netfront_page slot;
    int error = grant_page(&slot, backend, false);

    *page = error ? NULL : slot.page;
    *ref = error ? 0 : slot.ref;
    return error;
}

static void offer(struct netfront_ring *ring, unsigned int slot)
{
    netif_rx_request_t *request = RING_GET_REQUEST(&ring->rx, ring->rx.req_prod_pvt);

    request->id = (uint16_t)slot;
    request->gref = ring->rx_page[slot].ref;
    ring->rx.req_prod_pvt++;
}

static int fill_rings(struct netfront_ring *ring, domid_t backend)
{
    int error = 0;

    for (unsigned int i = 0; i < NETFRONT_SLOTS && !error; i++) {
        ring->free[ring->nr_free++] = (uint16_t)i;
        error = grant_page(&ring->rx_page[i], backend, false);
        if (!error)
            offer(ring, i);
    }
    RING_PUSH_REQUESTS(&ring->rx);
    return error;
}

int netfront_ring_open(struct netfront_ring *ring, domid_t backend)
{
    void *tx, *rx;
    int error;

    memset(ring, 0, sizeof(*ring));
    error = grant_ring(&tx, &ring->tx_ref, backend);
    if (error)
        return error;
    SHARED_RING_INIT((netif_tx_sring_t *)tx);
    FRONT_RING_INIT(&ring->tx, (netif_tx_sring_t *)tx, PAGE_SIZE);
    error = grant_ring(&rx, &ring->rx_ref, backend);
    if (!error) {
        SHARED_RING_INIT((netif_rx_sring_t *)rx);
        FRONT_RING_INIT(&ring->rx, (netif_rx_sring_t *)rx, PAGE_SIZE);
        error = fill_rings(ring, backend);
    }
    if (error)
        netfront_ring_close(ring);
    return error;
}

void netfront_ring_close(struct netfront_ring *ring)
{
    struct netfront_page tx = { ring->tx.sring, ring->tx_ref }, rx = { ring->rx.sring, ring->rx_ref };

    for (unsigned int i = 0; i < NETFRONT_SLOTS; i++) {
        take_back(ring, i);
        ungrant_page(&ring->rx_page[i]);
    }
    ungrant_page(&tx);
    ungrant_page(&rx);
}

/* ---- transmit ---- */

static void answered(struct netfront_ring *ring, const netif_tx_response_t *response)
{
    ring->in_ring--;
    if (response->status == NETIF_RSP_NULL)
        return;
    if (response->id >= NETFRONT_SLOTS ||
        !(ring->sent[response->id].ref || ring->sent[response->id].filter)) {
        ring->broken = "a response to no request";
        return;
    }
    if (ring->sent[response->id].filter && response->status != NETIF_RSP_OKAY)
        ring->filter_refused = true;
    if (!take_back(ring, response->id))
        ring->broken = "the backend keeps a page";
    ring->free[ring->nr_free++] = response->id;
}

bool netfront_ring_reap(struct netfront_ring *ring, bool ask)
{
    RING_IDX end = *(volatile RING_IDX *)&ring->tx.sring->rsp_prod;
    int more = 0;

    xen_rmb();
    if (end - ring->tx.rsp_cons > ring->in_ring)
        ring->broken = "more responses than requests";
    for (; !ring->broken && ring->tx.rsp_cons != end; ring->tx.rsp_cons++) {
        netif_tx_response_t response;

        RING_COPY_RESPONSE(&ring->tx, ring->tx.rsp_cons, &response);
        answered(ring, &response);
    }
    if (ask && !ring->broken)
        RING_FINAL_CHECK_FOR_RESPONSES(&ring->tx, more);
    return !more;
}

static int grant_frags(struct netfront_ring *ring, domid_t backend, const struct packet *packet)
{
    for (unsigned int i = 0; i < packet->nr_frags; i++) {
        uint16_t id = ring->free[ring->nr_free - 1 - i];
        int ref = gnttab_grant_access(backend, virt_to_mfn(packet->frag[i].page), true);

        if (ref < 0) {
            while (i-- > 0)
                take_back(ring, ring->free[ring->nr_free - 1 - i]);
            return ref;
        }
        ring->sent[id] = (struct netfront_sent){ .ref = (grant_ref_t)ref };
    }
    return 0;
}

static void put_extra(struct netfront_ring *ring, const netif_extra_info_t *extra)
{
    memcpy(RING_GET_REQUEST(&ring->tx, ring->tx.req_prod_pvt), extra, sizeof(*extra));
    ring->tx.req_prod_pvt++;
    ring->in_ring++;
}

static void put_gso(struct netfront_ring *ring, const struct packet *packet)
{
    netif_extra_info_t extra = { .type = XEN_NETIF_EXTRA_TYPE_GSO };

    extra.u.gso.size = packet->gso_size;
    extra.u.gso.type = packet->gso == GSO_TCP4 ? XEN_NETIF_GSO_TYPE_TCPV4 : XEN_NETIF_GSO_TYPE_TCPV6;
    put_extra(ring, &extra);
}

bool netfront_ring_filter(struct netfront_ring *ring, const uint8_t *address, bool add)
{
    netif_extra_info_t extra = { .type =
                                     add ? XEN_NETIF_EXTRA_TYPE_MCAST_ADD : XEN_NETIF_EXTRA_TYPE_MCAST_DEL };
    uint16_t id;

    if (ring->broken || ring->in_ring + 2 > NETFRONT_SLOTS || !ring->nr_free)
        return false;
    id = ring->free[--ring->nr_free];
    ring->sent[id] = (struct netfront_sent){ .filter = true };
    *RING_GET_REQUEST(&ring->tx, ring->tx.req_prod_pvt) =
        (netif_tx_request_t){ .id = id, .flags = NETTXF_extra_info };
    ring->tx.req_prod_pvt++;
    ring->in_ring++;
    memcpy(extra.u.mcast.addr, address, sizeof(extra.u.mcast.addr));
    put_extra(ring, &extra);
    return true;
}

bool netfront_ring_send(struct netfront_ring *ring, domid_t backend, struct packet *packet)
{
    unsigned int extra = packet->gso != GSO_NONE;

    if (ring->broken || ring->in_ring + packet->nr_frags + extra > NETFRONT_SLOTS ||
        ring->nr_free < packet->nr_frags || grant_frags(ring, backend, packet))
        return false;
    packet->references = packet->nr_frags;
    for (unsigned int i = 0; i < packet->nr_frags; i++) {
        uint16_t id = ring->free[--ring->nr_free];
        netif_tx_request_t *request = RING_GET_REQUEST(&ring->tx, ring->tx.req_prod_pvt);

        *request = (netif_tx_request_t){
            .gref = ring->sent[id].ref,
            .offset = packet->frag[i].offset,
            .id = id,
            .size = (uint16_t)(i ? packet->frag[i].length : packet->length),
        };
        if (!i && packet->checksum == CHECKSUM_BLANK)
            request->flags = NETTXF_csum_blank | NETTXF_data_validated;
        if (i + 1U < packet->nr_frags)
            request->flags |= NETTXF_more_data;
        ring->sent[id].packet = packet;
        ring->tx.req_prod_pvt++;
        ring->in_ring++;
        if (!i && extra) {
            request->flags |= NETTXF_extra_info;
            put_gso(ring, packet);
        }
    }
    return true;
}

bool netfront_ring_push(struct netfront_ring *ring)
{
    int wanted;

    RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(&ring->tx, wanted);
    return wanted;
}

/* ---- receive ---- */

/* A packet being put together from slots. */
struct assembly {
    struct packet *packet;
    bool bad;
};

/* Moves the page of a response into the packet, and grants another one for the slot. */
static void take_page(struct netfront_ring *ring, domid_t backend, unsigned int slot,
                      const netif_rx_response_t *response, struct assembly *assembly)
{
    struct netfront_page *mine = &ring->rx_page[slot], fresh;
    struct packet *packet = assembly->packet;

    if (response->status < 0 || response->offset > PAGE_SIZE ||
        response->status > (int)(PAGE_SIZE - response->offset) || packet->nr_frags == PACKET_FRAGS ||
        packet->length + (uint32_t)response->status > PACKET_MAX || grant_page(&fresh, backend, false)) {
        assembly->bad = true;
        return;
    }
    if (gnttab_end_access(mine->ref)) {
        ring->broken = "the backend keeps a page";
        ungrant_page(&fresh);
        assembly->bad = true;
        return;
    }
    packet->frag[packet->nr_frags++] =
        (struct packet_frag){ mine->page, response->offset, (uint16_t)response->status };
    packet->length += (uint32_t)response->status;
    *mine = fresh;
}

static void set_checksum(struct packet *packet, uint16_t flags)
{
    packet->checksum = flags & NETRXF_csum_blank       ? CHECKSUM_BLANK
                       : flags & NETRXF_data_validated ? CHECKSUM_VALID
                                                       : CHECKSUM_UNKNOWN;
}

/* Whether the packet that begins at rsp_cons is there as a whole; *end is behind it. */
static bool is_complete(struct netfront_ring *ring, RING_IDX produced, RING_IDX *end)
{
    uint16_t flags = NETRXF_more_data;

    for (*end = ring->rx.rsp_cons; flags & NETRXF_more_data;) {
        netif_rx_response_t response;
        netif_extra_info_t extra = { .flags = 0 };

        if (*end == produced)
            return false;
        RING_COPY_RESPONSE(&ring->rx, *end, &response);
        flags = response.flags;
        ++*end;
        if (!(flags & NETRXF_extra_info))
            continue;
        do {
            if (*end == produced)
                return false;
            memcpy(&extra, RING_GET_RESPONSE(&ring->rx, *end), sizeof(extra));
            ++*end;
        } while (extra.flags & XEN_NETIF_EXTRA_FLAG_MORE);
    }
    return true;
}

/* Responses stand in their requests' slots, and requests are made in order: so the slot's number is the index
 * of the page, and each slot is offered again at once. */
static void take_packet(struct netfront_ring *ring, domid_t backend, RING_IDX end, struct packet_list *list)
{
    struct assembly assembly = { .packet = packet_new() };
    bool extra = false, first = true;

    for (; ring->rx.rsp_cons != end; ring->rx.rsp_cons++) {
        unsigned int slot = ring->rx.rsp_cons & (NETFRONT_SLOTS - 1);
        netif_rx_response_t response;

        RING_COPY_RESPONSE(&ring->rx, ring->rx.rsp_cons, &response);
        if (extra) {
            netif_extra_info_t info;

            memcpy(&info, &response, sizeof(info));
            extra = info.flags & XEN_NETIF_EXTRA_FLAG_MORE;
        } else if (assembly.packet) {
            extra = response.flags & NETRXF_extra_info;
            if (first)
                set_checksum(assembly.packet, response.flags);
            first = false;
            take_page(ring, backend, slot, &response, &assembly);
        }
        offer(ring, slot);
    }
    if (!assembly.packet)
        return;
    if (assembly.bad || !assembly.packet->nr_frags || assembly.packet->length < ETHERNET_HEADER)
        packet_put(assembly.packet);
    else
        STAILQ_INSERT_TAIL(list, assembly.packet, next);
}

bool netfront_ring_receive(struct netfront_ring *ring, domid_t backend, unsigned int most,
                           struct packet_list *list, bool *notify)
{
    RING_IDX produced = *(volatile RING_IDX *)&ring->rx.sring->rsp_prod, end;
    unsigned int taken = 0;
    int wanted = 0, more = 0;

    xen_rmb();
    if (produced - ring->rx.rsp_cons > NETFRONT_SLOTS)
        ring->broken = "more packets than buffers";
    while (!ring->broken && taken < most && is_complete(ring, produced, &end)) {
        take_packet(ring, backend, end, list);
        taken++;
    }
    if (taken) {
        RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(&ring->rx, wanted);
        *notify = *notify || wanted;
    }
    if (ring->broken)
        return false;
    if (taken == most)
        return true;
    RING_FINAL_CHECK_FOR_RESPONSES(&ring->rx, more);
    return more && taken;
}
