/* SPDX-License-Identifier: MIT */
#include "dom0_tools/xenstored/connection.h"
#include "dom0_tools/xenstored/request.h"
#include "dom0_tools/xenstored/transaction.h"
#include "dom0_tools/xenstored/watch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Waiting events of one watch that a new one is compared with. */
#define COMPARED_EVENTS 64

const struct xenstored_limits xenstored_default_limits = {
    .nodes = 1000,
    .node_size = 2048,
    .watches = 128,
    .transactions = 10,
    .transaction_nodes = 1024,
    .permissions = 5,
    .outstanding = 20,
    .watch_depth = 32,
    .queued = 256 * 1024,
};

void connection_fail(struct connection *conn, uint32_t error)
{
    if (conn->error == XENSTORE_ERROR_NONE)
        conn->error = error;
    conn->xs->ops->wake(conn->xs->env, conn);
}

static struct message *queue(struct connection *conn, const struct xsd_sockmsg *header)
{
    struct message *message = malloc(sizeof(*message) + sizeof(*header) + header->len);

    if (message == NULL) {
        connection_fail(conn, XENSTORE_ERROR_COMM);
        return NULL;
    }
    *message = (struct message){ .size = (uint32_t)sizeof(*header) + header->len };
    memcpy(message->data, header, sizeof(*header));
    TAILQ_INSERT_TAIL(&conn->out, message, next);
    conn->queued += message->size;
    conn->xs->ops->wake(conn->xs->env, conn);
    return message;
}

void connection_reply(struct connection *conn, uint32_t type, const void *data, size_t len)
{
    const struct xsd_sockmsg header = {
        .type = type, .req_id = conn->header.req_id, .tx_id = conn->header.tx_id, .len = (uint32_t)len
    };
    struct message *message = queue(conn, &header);

    if (message != NULL && len != 0)
        memcpy(message->data + sizeof(header), data, len);
}

void connection_ack(struct connection *conn)
{
    connection_reply(conn, conn->header.type, "OK", 3);
}

void connection_error(struct connection *conn, int error)
{
    const char *text = "EINVAL";

    for (size_t i = 0; i < sizeof(xsd_errors) / sizeof(xsd_errors[0]); i++)
        if (xsd_errors[i].errnum == error)
            text = xsd_errors[i].errstring;
    connection_reply(conn, XS_ERROR, text, strlen(text) + 1);
}

static bool waits_already(const struct watch *watch, const char *path, size_t path_size)
{
    const struct message *event;
    unsigned int compared = 0;

    LIST_FOREACH(event, &watch->events, of_watch)
    {
        if (event->sent == 0 && event->size > sizeof(struct xsd_sockmsg) + path_size &&
            memcmp(event->data + sizeof(struct xsd_sockmsg), path, path_size) == 0)
            return true;
        if (++compared == COMPARED_EVENTS)
            break;
    }
    return false;
}

void connection_event(struct watch *watch, const char *path, struct connection *cause)
{
    struct connection *conn = watch->connection;
    const char *seen = watch->relative ? path_relative(path, conn->domid) : path;
    size_t path_size = strlen(seen) + 1, token_size = strlen(watch->token) + 1;
    struct xsd_sockmsg header = { .type = XS_WATCH_EVENT, .len = (uint32_t)(path_size + token_size) };
    struct message *event;

    if (conn->error != XENSTORE_ERROR_NONE || waits_already(watch, seen, path_size))
        return;
    if (!connection_privileged(conn) && conn->queued > conn->xs->limits.queued) {
        connection_fail(conn, XENSTORE_ERROR_COMM);
        return;
    }
    event = queue(conn, &header);
    if (event == NULL)
        return;
    memcpy(event->data + sizeof(header), seen, path_size);
    memcpy(event->data + sizeof(header) + path_size, watch->token, token_size);
    event->watch = watch;
    LIST_INSERT_HEAD(&watch->events, event, of_watch);
    if (cause != NULL && !connection_privileged(cause) && connection_privileged(conn)) {
        event->cause = cause;
        LIST_INSERT_HEAD(&cause->caused, event, of_cause);
        cause->outstanding++;
    }
}

static void forget_cause(struct message *message)
{
    struct connection *cause = message->cause;

    if (cause == NULL)
        return;
    LIST_REMOVE(message, of_cause);
    message->cause = NULL;
    if (cause->outstanding-- == cause->xs->limits.outstanding)
        cause->xs->ops->wake(cause->xs->env, cause);
}

struct message *xenstored_first(struct connection *conn)
{
    return TAILQ_FIRST(&conn->out);
}

void xenstored_sent(struct connection *conn, struct message *message)
{
    TAILQ_REMOVE(&conn->out, message, next);
    conn->queued -= message->size;
    if (message->watch != NULL)
        LIST_REMOVE(message, of_watch);
    forget_cause(message);
    free(message);
}

bool xenstored_may_feed(const struct connection *conn)
{
    return conn->error == XENSTORE_ERROR_NONE &&
           (connection_privileged(conn) ||
            (conn->outstanding < conn->xs->limits.outstanding && conn->queued < XENSTORE_PAYLOAD_MAX));
}

static size_t take(void *to, uint32_t have, uint32_t want, const void *data, size_t len)
{
    size_t n = want - have < len ? want - have : len;

    memcpy((char *)to + have, data, n);
    return n;
}

/* The header is there: checks it and makes room for the payload, with a NUL behind it. */
static void begin_payload(struct connection *conn)
{
    if (conn->header.len > XENSTORE_PAYLOAD_MAX) {
        connection_fail(conn, XENSTORE_ERROR_PROTO);
        return;
    }
    conn->payload = malloc(conn->header.len + 1);
    if (conn->payload == NULL)
        connection_fail(conn, XENSTORE_ERROR_COMM);
    else
        conn->payload[conn->header.len] = '\0';
}

static void finish(struct connection *conn)
{
    conn->xs->requests++;
    request_process(conn);
    free(conn->payload);
    conn->payload = NULL;
    conn->received = 0;
}

size_t xenstored_feed(struct connection *conn, const void *data, size_t len)
{
    const uint32_t head = sizeof(conn->header);
    size_t used = 0;

    if (!xenstored_may_feed(conn))
        return 0;
    if (conn->received < head) {
        used = take(&conn->header, conn->received, head, data, len);
        conn->received += (uint32_t)used;
        if (conn->received < head)
            return used;
        begin_payload(conn);
        if (conn->error != XENSTORE_ERROR_NONE)
            return used;
    }
    if (conn->received - head < conn->header.len) {
        size_t n = take(conn->payload, conn->received - head, conn->header.len, (const char *)data + used,
                        len - used);

        conn->received += (uint32_t)n;
        used += n;
    }
    if (conn->received == head + conn->header.len)
        finish(conn);
    return used;
}

struct connection *xenstored_open(struct xenstored *xs, uint16_t domid)
{
    struct connection *conn = calloc(1, sizeof(*conn));

    if (conn == NULL)
        return NULL;
    conn->xs = xs;
    conn->domid = conn->target = domid;
    TAILQ_INIT(&conn->out);
    LIST_INSERT_HEAD(&xs->connections, conn, next);
    return conn;
}

void xenstored_reset(struct connection *conn)
{
    struct message *message;

    transaction_end_all(conn);
    watch_remove_all(conn);
    while ((message = TAILQ_FIRST(&conn->out)) != NULL)
        xenstored_sent(conn, message);
    free(conn->payload);
    conn->payload = NULL;
    conn->received = 0;
    conn->error = XENSTORE_ERROR_NONE;
}

void xenstored_close(struct connection *conn)
{
    struct message *event;

    if (conn->carrier != NULL)
        conn->xs->ops->disconnect(conn->xs->env, conn, conn->error);
    xenstored_reset(conn);
    while ((event = LIST_FIRST(&conn->caused)) != NULL) {
        LIST_REMOVE(event, of_cause);
        event->cause = NULL;
    }
    LIST_REMOVE(conn, next);
    free(conn);
}

int xenstored_init(struct xenstored *xs, const struct xenstored_ops *ops, void *env, uint64_t seed)
{
    *xs = (struct xenstored){ .ops = ops, .env = env, .limits = xenstored_default_limits };
    return store_init(&xs->store, seed);
}

void xenstored_free(struct xenstored *xs)
{
    while (!LIST_EMPTY(&xs->connections))
        xenstored_close(LIST_FIRST(&xs->connections));
    store_free(&xs->store);
}
