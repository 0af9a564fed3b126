/* SPDX-License-Identifier: MIT */
/* A client of the store daemon's core: one request, its answer as text. */
#ifndef TESTS_UNIT_XENSTORED_CLIENT_H
#define TESTS_UNIT_XENSTORED_CLIENT_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dom0_tools/xenstored/xenstored.h"

static int test_connect(void *env, struct connection *conn, uint64_t frame, uint32_t port)
{
    (void)env;
    (void)frame;
    (void)port;
    conn->carrier = conn;
    return 0;
}

static void test_disconnect(void *env, struct connection *conn, uint32_t error)
{
    (void)env;
    (void)error;
    conn->carrier = NULL;
}

static void test_wake(void *env, struct connection *conn)
{
    (void)env;
    (void)conn;
}

static const struct xenstored_ops test_ops = { test_connect, test_disconnect, test_wake };

/* Answers are text: zeroes are shown as '|', an error is its name. Events that come before the answer stay.
 */
static const char *answer(struct connection *conn)
{
    static char text[XENSTORE_PAYLOAD_MAX + 1];
    struct message *message;

    TAILQ_FOREACH(message, &conn->out, next)
    {
        struct xsd_sockmsg header;

        memcpy(&header, message->data, sizeof(header));
        if (header.type == XS_WATCH_EVENT)
            continue;
        memcpy(text, message->data + sizeof(header), header.len);
        text[header.len] = '\0';
        for (uint32_t i = 0; i < header.len; i++)
            if (text[i] == '\0')
                text[i] = '|';
        if (header.type == XS_ERROR)
            text[header.len - 1] = '\0';
        xenstored_sent(conn, message);
        return text;
    }
    return "no answer";
}

/* The payload is written with '|' for zeroes. */
static const char *ask_t(struct connection *conn, uint32_t type, uint32_t tx, const char *payload)
{
    struct xsd_sockmsg header = { .type = type, .req_id = 7, .tx_id = tx, .len = (uint32_t)strlen(payload) };
    char bytes[XENSTORE_PAYLOAD_MAX];

    for (uint32_t i = 0; i < header.len; i++)
        bytes[i] = payload[i];
    for (uint32_t i = 0; i < header.len; i++)
        if (bytes[i] == '|')
            bytes[i] = '\0';
    xenstored_feed(conn, &header, sizeof(header));
    if (header.len != 0)
        xenstored_feed(conn, bytes, header.len);
    return answer(conn);
}

static inline const char *ask(struct connection *conn, uint32_t type, const char *payload)
{
    return ask_t(conn, type, 0, payload);
}

/* The next event as "path|token|", or "". */
static inline const char *event(struct connection *conn)
{
    static char text[XENSTORE_PAYLOAD_MAX + 1];
    struct message *message = xenstored_first(conn);
    uint32_t len;

    if (message == NULL)
        return "";
    len = message->size - (uint32_t)sizeof(struct xsd_sockmsg);
    memcpy(text, message->data + sizeof(struct xsd_sockmsg), len);
    text[len] = '\0';
    for (uint32_t i = 0; i < len; i++)
        if (text[i] == '\0')
            text[i] = '|';
    xenstored_sent(conn, message);
    return text;
}

static inline uint32_t begin(struct connection *conn)
{
    return (uint32_t)strtoul(ask(conn, XS_TRANSACTION_START, "|"), NULL, 10);
}

static inline struct connection *introduced(struct xenstored *xs, uint16_t domid)
{
    return xenstored_introduce(xs, domid, 1, 1) == 0 ? store_account(&xs->store, domid)->connection : NULL;
}

#endif
