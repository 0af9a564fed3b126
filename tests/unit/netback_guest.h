/* SPDX-License-Identifier: MIT */
/* A guest for netback's rings in one program: its granted pages, and copies between them and ours. */
#ifndef TESTS_UNIT_NETBACK_GUEST_H
#define TESTS_UNIT_NETBACK_GUEST_H

#include "split_drivers/netback_queue.h"
#include "tests/unit/fake_pages.h"

#define GUEST_GRANTS 512

static struct {
    uint8_t page[GUEST_GRANTS][PACKET_PAGE]; /* by grant reference */
} guest;

static _Alignas(PACKET_PAGE) uint8_t guest_tx_page[PACKET_PAGE], guest_rx_page[PACKET_PAGE];
static netif_tx_sring_t *const guest_tx = (netif_tx_sring_t *)guest_tx_page;
static netif_rx_sring_t *const guest_rx = (netif_rx_sring_t *)guest_rx_page;

static struct netback_options guest_options;
static struct netback_credit guest_credit;
static struct grant_copy guest_copy;
static struct netback_queue guest_queue;

/* What the hypervisor does at once is done here at once, and is checked as it checks it. */
static struct gnttab_copy *guest_op(struct grant_copy *batch, grant_ref_t ref, uint16_t offset,
                                    uint16_t length)
{
    struct gnttab_copy *op;

    if (batch->nr == GRANT_COPY_BATCH)
        abort();
    op = &batch->op[batch->nr++];
    op->status = ref < GUEST_GRANTS ? GNTST_okay : GNTST_bad_gntref;
    if (offset + length > PACKET_PAGE)
        op->status = GNTST_bad_copy_arg;
    return op;
}

static void guest_check(const void *ours, uint16_t length)
{
    if (((uintptr_t)ours & (PACKET_PAGE - 1)) + length > PACKET_PAGE)
        abort();
}

void grant_copy_from(struct grant_copy *batch, grant_ref_t ref, uint16_t offset, void *ours, uint16_t length)
{
    guest_check(ours, length);
    if (guest_op(batch, ref, offset, length)->status == GNTST_okay)
        memcpy(ours, guest.page[ref] + offset, length);
}

void grant_copy_to(struct grant_copy *batch, grant_ref_t ref, uint16_t offset, const void *ours,
                   uint16_t length)
{
    guest_check(ours, length);
    if (guest_op(batch, ref, offset, length)->status == GNTST_okay)
        memcpy(guest.page[ref] + offset, ours, length);
}

void grant_copy_run(struct grant_copy *batch)
{
    (void)batch;
}

static inline void guest_connect(void)
{
    memset(&guest, 0, sizeof(guest));
    memset(guest_tx_page, 0, PACKET_PAGE);
    memset(guest_rx_page, 0, PACKET_PAGE);
    SHARED_RING_INIT(guest_tx);
    SHARED_RING_INIT(guest_rx);
    guest_options = (struct netback_options){ .scatter_gather = true };
    guest_credit = (struct netback_credit){ 0 };
    memset(&guest_queue, 0, sizeof(guest_queue));
    guest_queue.copy = &guest_copy;
    guest_queue.options = &guest_options;
    guest_queue.credit = &guest_credit;
    netback_queue_init(&guest_queue, guest_tx, guest_rx);
}

static inline void guest_drop(struct packet_list *list)
{
    while (!STAILQ_EMPTY(list)) {
        struct packet *packet = STAILQ_FIRST(list);

        STAILQ_REMOVE_HEAD(list, next);
        packet_put(packet);
    }
}

#endif
