/* SPDX-License-Identifier: MIT */
/*
 * The ring to xenstored (<xen/io/xs_wire.h>), shared by all handles. One thread reads it: answers go to the
 * request with their req_id, events to the client whose number stands at the head of their token, "3:token".
 */
#include "pvguest/xenstore_transport.h"
#include "pvguest/event_channel.h"
#include "pvguest/memory.h"
#include "pvguest/sync.h"
#include "pvguest/thread.h"
#include "pvguest/xen_errno.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct event {
    TAILQ_ENTRY(event) next;
    uint32_t len;
    char payload[];
};

struct client {
    TAILQ_ENTRY(client) next;
    unsigned int number;
    TAILQ_HEAD(, event) events;
};

/* A request that waits for its answer. */
struct call {
    TAILQ_ENTRY(call) next;
    struct xsd_sockmsg *header;
    char *reply;
    bool answered;
};

static struct mutex open_lock = MUTEX_INITIALIZER(open_lock); /* starting the reader */
static struct mutex send_lock = MUTEX_INITIALIZER(send_lock); /* one request after the other in the ring */
static struct mutex lock = MUTEX_INITIALIZER(lock);           /* what follows */
static struct cond changed = COND_INITIALIZER(changed);
static TAILQ_HEAD(, client) clients = TAILQ_HEAD_INITIALIZER(clients);
static TAILQ_HEAD(, call) calls = TAILQ_HEAD_INITIALIZER(calls);
static unsigned int last_client;
static uint32_t last_request;

static struct xenstore_domain_interface *ring;
static struct wait_queue ring_moved = WAIT_QUEUE_INITIALIZER(ring_moved);

/* ---- the ring ---- */

static evtchn_port_t ring_port(void)
{
    return start_info->store_evtchn;
}

static void ring_event(evtchn_port_t port, void *arg)
{
    (void)port;
    (void)arg;
    wait_queue_wake_all(&ring_moved);
}

static uint32_t room(void)
{
    return XENSTORE_RING_SIZE - (ring->req_prod - __atomic_load_n(&ring->req_cons, __ATOMIC_ACQUIRE));
}

static void ring_write(const void *data, size_t len)
{
    const char *from = data;

    while (len != 0) {
        XENSTORE_RING_IDX prod = ring->req_prod;

        wait_event(&ring_moved, room() != 0);
        for (uint32_t n = room(); n != 0 && len != 0; n--, len--)
            ring->req[MASK_XENSTORE_IDX(prod++)] = *from++;
        __atomic_store_n(&ring->req_prod, prod, __ATOMIC_RELEASE);
        evtchn_send(ring_port());
    }
}

static void ring_read(void *data, size_t len)
{
    char *to = data;

    while (len != 0) {
        XENSTORE_RING_IDX cons = ring->rsp_cons;

        wait_event(&ring_moved, __atomic_load_n(&ring->rsp_prod, __ATOMIC_ACQUIRE) != cons);
        while (len != 0 && cons != __atomic_load_n(&ring->rsp_prod, __ATOMIC_ACQUIRE)) {
            *to++ = ring->rsp[MASK_XENSTORE_IDX(cons++)];
            len--;
        }
        __atomic_store_n(&ring->rsp_cons, cons, __ATOMIC_RELEASE);
        evtchn_send(ring_port());
    }
}

/* ---- the reader ---- */

/* Finds the client by the token, from which its number is taken out. */
static void deliver_event(const char *payload, uint32_t len)
{
    const char *token = memchr(payload, '\0', len);
    struct client *client;
    struct event *event;
    char *rest;
    unsigned long number;
    size_t path_size;

    if (token == NULL || payload[len - 1] != '\0')
        return;
    path_size = (size_t)(++token - payload);
    number = strtoul(token, &rest, 10);
    if (*rest++ != ':')
        return;
    TAILQ_FOREACH(client, &clients, next)
    {
        if (client->number == number)
            break;
    }
    event = client != NULL ? malloc(sizeof(*event) + len) : NULL;
    if (event == NULL)
        return;
    memcpy(event->payload, payload, path_size);
    strcpy(event->payload + path_size, rest);
    event->len = (uint32_t)(path_size + strlen(rest) + 1);
    TAILQ_INSERT_TAIL(&client->events, event, next);
}

static void deliver_answer(const struct xsd_sockmsg *header, char *payload)
{
    struct call *call;

    TAILQ_FOREACH(call, &calls, next)
    {
        if (call->header->req_id == header->req_id) {
            *call->header = *header;
            call->reply = payload;
            call->answered = true;
            TAILQ_REMOVE(&calls, call, next);
            return;
        }
    }
    free(payload);
}

static void read_ring(void *arg)
{
    (void)arg;
    for (;;) {
        struct xsd_sockmsg header;
        char *payload;

        ring_read(&header, sizeof(header));
        payload = malloc((size_t)header.len + 1);
        if (payload == NULL)
            abort();
        ring_read(payload, header.len);
        payload[header.len] = '\0';
        mutex_lock(&lock);
        if (header.type == XS_WATCH_EVENT) {
            deliver_event(payload, header.len);
            free(payload);
        } else {
            deliver_answer(&header, payload);
        }
        cond_broadcast(&changed);
        mutex_unlock(&lock);
    }
}

static int start_reader(void)
{
    struct thread *reader;
    int error = evtchn_set_handler(ring_port(), ring_event, NULL);

    if (error != 0)
        return xen_errno_to_c(error);
    ring = ring_to_virt(start_info->store_mfn);
    reader = thread_create("xenstore", read_ring, NULL, 0);
    if (reader == NULL) {
        ring = NULL;
        return ENOMEM;
    }
    thread_detach(reader);
    evtchn_unmask(ring_port());
    return 0;
}

/* ---- the transport ---- */

static int ring_client_open(void **out)
{
    struct client *client;
    int error = 0;

    if (ring_port() == 0)
        return ENOENT;
    mutex_lock(&open_lock);
    if (ring == NULL)
        error = start_reader();
    mutex_unlock(&open_lock);
    client = error == 0 ? malloc(sizeof(*client)) : NULL;
    if (client == NULL)
        return error != 0 ? error : ENOMEM;
    TAILQ_INIT(&client->events);
    mutex_lock(&lock);
    client->number = ++last_client;
    TAILQ_INSERT_TAIL(&clients, client, next);
    mutex_unlock(&lock);
    *out = client;
    return 0;
}

static int exchange(struct xsd_sockmsg *header, const void *payload, char **reply)
{
    struct call call = { .header = header };

    mutex_lock(&lock);
    header->req_id = ++last_request;
    TAILQ_INSERT_TAIL(&calls, &call, next);
    mutex_unlock(&lock);
    mutex_lock(&send_lock);
    ring_write(header, sizeof(*header));
    ring_write(payload, header->len);
    mutex_unlock(&send_lock);
    mutex_lock(&lock);
    while (!call.answered)
        cond_wait(&changed, &lock);
    mutex_unlock(&lock);
    *reply = call.reply;
    return 0;
}

/* The client's number comes before the token, which is the second word. */
static int exchange_watch(const struct client *client, struct xsd_sockmsg *header, const char *payload,
                          char **reply)
{
    size_t path_size = strlen(payload) + 1;
    char *marked = malloc(header->len + 16);
    int error, n;

    if (marked == NULL)
        return ENOMEM;
    memcpy(marked, payload, path_size);
    n = snprintf(marked + path_size, 16, "%u:", client->number);
    memcpy(marked + path_size + n, payload + path_size, header->len - path_size);
    header->len += (uint32_t)n;
    error = exchange(header, marked, reply);
    free(marked);
    return error;
}

static int ring_client_request(void *client, struct xsd_sockmsg *header, const void *payload, char **reply)
{
    if (header->type == XS_WATCH || header->type == XS_UNWATCH)
        return exchange_watch(client, header, payload, reply);
    return exchange(header, payload, reply);
}

static int ring_client_event(void *arg, uint64_t deadline, char **payload, uint32_t *len)
{
    struct client *client = arg;
    struct event *event;

    mutex_lock(&lock);
    while ((event = TAILQ_FIRST(&client->events)) == NULL)
        if (cond_wait_until(&changed, &lock, deadline) != 0)
            break;
    if (event != NULL)
        TAILQ_REMOVE(&client->events, event, next);
    mutex_unlock(&lock);
    if (event == NULL)
        return EAGAIN;
    *len = event->len;
    *payload = malloc(event->len);
    if (*payload != NULL)
        memcpy(*payload, event->payload, event->len);
    free(event);
    return *payload != NULL ? 0 : ENOMEM;
}

/* Watches that the caller did not remove stay with the daemon; their events go nowhere. */
static void ring_client_close(void *arg)
{
    struct client *client = arg;
    struct event *event;

    mutex_lock(&lock);
    TAILQ_REMOVE(&clients, client, next);
    mutex_unlock(&lock);
    while ((event = TAILQ_FIRST(&client->events)) != NULL) {
        TAILQ_REMOVE(&client->events, event, next);
        free(event);
    }
    free(client);
}

const struct xenstore_transport xenstore_ring_transport = {
    .open = ring_client_open,
    .close = ring_client_close,
    .request = ring_client_request,
    .event = ring_client_event,
};
