/* SPDX-License-Identifier: MIT */
#include "dom0_tools/xenstored/ring.h"

#include <string.h>

/* Requests of one turn. */
#define TURN 16

void ring_open(struct xenstore_domain_interface *page)
{
    page->server_features = XENSTORE_SERVER_FEATURE_RECONNECTION | XENSTORE_SERVER_FEATURE_ERROR;
    page->error = XENSTORE_ERROR_NONE;
}

/* Writes as much of the message as there is room for. Bytes written; the connection fails when the indices
 * make no sense. */
static uint32_t put(struct connection *conn, struct xenstore_domain_interface *page, const char *data,
                    uint32_t len)
{
    XENSTORE_RING_IDX prod = __atomic_load_n(&page->rsp_prod, __ATOMIC_RELAXED);
    XENSTORE_RING_IDX cons = __atomic_load_n(&page->rsp_cons, __ATOMIC_ACQUIRE);
    uint32_t used = prod - cons, n = XENSTORE_RING_SIZE - used, first;

    if (used > XENSTORE_RING_SIZE) {
        conn->error = XENSTORE_ERROR_RINGIDX;
        return 0;
    }
    n = n < len ? n : len;
    first = XENSTORE_RING_SIZE - MASK_XENSTORE_IDX(prod);
    first = first < n ? first : n;
    memcpy(page->rsp + MASK_XENSTORE_IDX(prod), data, first);
    memcpy(page->rsp, data + first, n - first);
    __atomic_store_n(&page->rsp_prod, prod + n, __ATOMIC_RELEASE);
    return n;
}

static bool send(struct connection *conn, struct xenstore_domain_interface *page)
{
    struct message *message;
    bool moved = false;

    while ((message = xenstored_first(conn)) != NULL) {
        uint32_t n = put(conn, page, message->data + message->sent, message->size - message->sent);

        moved |= n != 0;
        message->sent += n;
        if (message->sent < message->size)
            break;
        xenstored_sent(conn, message);
    }
    return moved;
}

/* Takes bytes up to the end of one request. */
static uint32_t receive(struct connection *conn, struct xenstore_domain_interface *page)
{
    XENSTORE_RING_IDX cons = __atomic_load_n(&page->req_cons, __ATOMIC_RELAXED);
    XENSTORE_RING_IDX prod = __atomic_load_n(&page->req_prod, __ATOMIC_ACQUIRE);
    uint32_t n = prod - cons, first = XENSTORE_RING_SIZE - MASK_XENSTORE_IDX(cons);
    char bytes[XENSTORE_RING_SIZE];

    if (n > XENSTORE_RING_SIZE) {
        conn->error = XENSTORE_ERROR_RINGIDX;
        return 0;
    }
    n = n < first ? n : first;
    memcpy(bytes, page->req + MASK_XENSTORE_IDX(cons), n);
    n = (uint32_t)xenstored_feed(conn, bytes, n);
    __atomic_store_n(&page->req_cons, cons + n, __ATOMIC_RELEASE);
    return n;
}

static bool readable(const struct connection *conn, const struct xenstore_domain_interface *page)
{
    return xenstored_may_feed(conn) && __atomic_load_n(&page->req_prod, __ATOMIC_ACQUIRE) !=
                                           __atomic_load_n(&page->req_cons, __ATOMIC_RELAXED);
}

/* The domain's new kernel knows nothing of what its old one did. */
static void reconnect(struct connection *conn, struct xenstore_domain_interface *page)
{
    xenstored_reset(conn);
    page->req_cons = page->req_prod = page->rsp_cons = page->rsp_prod = 0;
    page->error = XENSTORE_ERROR_NONE;
    __atomic_store_n(&page->connection, XENSTORE_CONNECTED, __ATOMIC_RELEASE);
}

unsigned int ring_serve(struct connection *conn, struct xenstore_domain_interface *page)
{
    unsigned int result = 0;
    uint32_t error = conn->error;

    if (__atomic_load_n(&page->connection, __ATOMIC_ACQUIRE) == XENSTORE_RECONNECT) {
        reconnect(conn, page);
        result = RING_NOTIFY;
        error = XENSTORE_ERROR_NONE;
    }
    for (unsigned int i = 0; i < TURN && conn->error == XENSTORE_ERROR_NONE; i++) {
        bool moved = send(conn, page);

        if (conn->error == XENSTORE_ERROR_NONE && readable(conn, page))
            moved |= receive(conn, page) != 0;
        if (!moved)
            break;
        result |= RING_NOTIFY;
    }
    if (conn->error == XENSTORE_ERROR_NONE)
        return result | (send(conn, page) ? RING_NOTIFY : 0) | (readable(conn, page) ? RING_MORE : 0);
    if (page->error == error && error != XENSTORE_ERROR_NONE)
        return 0;
    error = conn->error;
    xenstored_reset(conn);
    conn->error = page->error = error;
    return RING_NOTIFY;
}
