/* SPDX-License-Identifier: MIT */
/* <xenstore.h> for unit tests: its calls go to a store daemon's core in the same program, as dom0. */
#ifndef TESTS_UNIT_XENSTORE_CORE_TRANSPORT_H
#define TESTS_UNIT_XENSTORE_CORE_TRANSPORT_H

#include <errno.h>

#include "pvguest/xenstore_transport.h"
#include "tests/unit/xenstored_client.h"

static struct xenstored test_store;

static int core_open(void **client)
{
    *client = xenstored_open(&test_store, 0);
    return *client != NULL ? 0 : ENOMEM;
}

static void core_close(void *client)
{
    xenstored_close(client);
}

static char *core_take(struct connection *conn, struct message *message, uint32_t *len)
{
    char *payload;

    *len = message->size - (uint32_t)sizeof(struct xsd_sockmsg);
    payload = malloc(*len + 1);
    memcpy(payload, message->data + sizeof(struct xsd_sockmsg), *len);
    payload[*len] = '\0';
    xenstored_sent(conn, message);
    return payload;
}

static struct message *core_find(struct connection *conn, bool event, struct xsd_sockmsg *header)
{
    struct message *message;

    TAILQ_FOREACH(message, &conn->out, next)
    {
        memcpy(header, message->data, sizeof(*header));
        if ((header->type == XS_WATCH_EVENT) == event)
            return message;
    }
    return NULL;
}

static int core_request(void *client, struct xsd_sockmsg *header, const void *payload, char **reply)
{
    uint32_t len;

    xenstored_feed(client, header, sizeof(*header));
    if (header->len != 0)
        xenstored_feed(client, payload, header->len);
    *reply = core_take(client, core_find(client, false, header), &len);
    return 0;
}

/* Nothing else runs, so nothing comes by waiting. */
static int core_event(void *client, uint64_t deadline, char **payload, uint32_t *len)
{
    struct xsd_sockmsg header;
    struct message *message = core_find(client, true, &header);

    (void)deadline;
    if (message == NULL)
        return EAGAIN;
    *payload = core_take(client, message, len);
    return 0;
}

const struct xenstore_transport xenstore_ring_transport = {
    .open = core_open,
    .close = core_close,
    .request = core_request,
    .event = core_event,
};

#endif
