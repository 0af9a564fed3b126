/* SPDX-License-Identifier: MIT */
#include "dom0_tools/xenstored/service.h"
#include "dom0_tools/xc/changes.h"
#include "dom0_tools/xc/ring_page.h"
#include "dom0_tools/xenstored/boot_domains.h"
#include "dom0_tools/xenstored/ring.h"
#include "dom0_tools/xenstored/watch.h"
#include "dom0_tools/xl/domain_list.h"
#include "pvguest/event_channel.h"
#include "pvguest/sync.h"
#include "pvguest/thread.h"
#include "pvguest/xen_errno.h"
#include "pvguest/xenstore_transport.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* How a domain is reached. */
struct carrier {
    TAILQ_ENTRY(carrier) next; /* in `ready`, upcalls masked */
    bool is_ready;
    struct connection *conn;
    struct ring_page page; /* struct xenstore_domain_interface */
    evtchn_port_t port;
};

/* The one daemon of a domain: what the handlers of its event channels and the library's handles lead to. */
struct service {
    struct mutex lock; /* of xs */
    struct xenstored xs;
    TAILQ_HEAD(, carrier) ready; /* upcalls masked; so is domains_changed */
    bool domains_changed;
    uint64_t seen; /* of the domains that ended */
    struct wait_queue work;
    struct cond events; /* for clients of this domain */
};

static struct service *service;

/* ---- rings ---- */

static void make_ready(struct carrier *carrier)
{
    bool masked = upcalls_disable();

    if (!carrier->is_ready) {
        carrier->is_ready = true;
        TAILQ_INSERT_TAIL(&service->ready, carrier, next);
        wait_queue_wake_all(&service->work);
    }
    upcalls_restore(masked);
}

static struct carrier *next_ready(void)
{
    bool masked = upcalls_disable();
    struct carrier *carrier = TAILQ_FIRST(&service->ready);

    if (carrier != NULL) {
        TAILQ_REMOVE(&service->ready, carrier, next);
        carrier->is_ready = false;
    }
    upcalls_restore(masked);
    return carrier;
}

static void ring_event(evtchn_port_t port, void *arg)
{
    (void)port;
    make_ready(arg);
}

static void free_carrier(struct carrier *carrier)
{
    if (carrier->port != 0)
        evtchn_close(carrier->port);
    ring_page_unmap(&carrier->page);
    free(carrier);
}

static int service_connect(void *env, struct connection *conn, uint64_t frame, uint32_t port)
{
    struct carrier *carrier = calloc(1, sizeof(*carrier));
    int error;

    (void)env;
    if (carrier == NULL)
        return ENOMEM;
    carrier->conn = conn;
    error = ring_page_map(&carrier->page, conn->domid, GNTTAB_RESERVED_XENSTORE, frame);
    if (error == 0)
        error = xen_errno_to_c(evtchn_bind_interdomain(conn->domid, port, &carrier->port));
    if (error == 0)
        error = xen_errno_to_c(evtchn_set_handler(carrier->port, ring_event, carrier));
    if (error != 0) {
        free_carrier(carrier);
        return error;
    }
    ring_open(carrier->page.addr);
    conn->carrier = carrier;
    evtchn_unmask(carrier->port);
    /* It may have asked before anybody listened. */
    make_ready(carrier);
    return 0;
}

static void service_disconnect(void *env, struct connection *conn, uint32_t error)
{
    struct carrier *carrier = conn->carrier;
    bool masked = upcalls_disable();

    (void)env;
    (void)error;
    if (carrier->is_ready)
        TAILQ_REMOVE(&service->ready, carrier, next);
    carrier->is_ready = true; /* no event puts it back */
    upcalls_restore(masked);
    conn->carrier = NULL;
    free_carrier(carrier);
}

/* Connections without a carrier are clients of this domain. */
static void service_wake(void *env, struct connection *conn)
{
    (void)env;
    if (conn->carrier != NULL)
        make_ready(conn->carrier);
    else
        cond_broadcast(&service->events);
}

static const struct xenstored_ops service_ops = {
    .connect = service_connect,
    .disconnect = service_disconnect,
    .wake = service_wake,
};

static void serve(struct carrier *carrier)
{
    unsigned int result = ring_serve(carrier->conn, carrier->page.addr);

    if ((result & RING_NOTIFY) != 0)
        evtchn_send(carrier->port);
    if ((result & RING_MORE) != 0)
        make_ready(carrier);
}

/* ---- domains that end ---- */

static void domain_event(evtchn_port_t port, void *arg)
{
    (void)port;
    (void)arg;
    service->domains_changed = true;
    wait_queue_wake_all(&service->work);
}

static int compare_domid(const void *key, const void *info)
{
    return (int)*(const uint16_t *)key - (int)((const struct xen_domctl_getdomaininfo *)info)->domain;
}

/* The list is in the order of domids. */
static const struct xen_domctl_getdomaininfo *find_info(const struct domain_list *list, uint16_t domid)
{
    return bsearch(&domid, list->info, list->nr, sizeof(list->info[0]), compare_domid);
}

/* Releases the first domain found that is gone or dying. False when there is none. */
static bool release_one(const struct domain_list *list, bool *shut_down)
{
    struct connection *conn;

    LIST_FOREACH(conn, &service->xs.connections, next)
    {
        const struct xen_domctl_getdomaininfo *info;

        if (!conn->introduced)
            continue;
        info = find_info(list, conn->domid);
        if (info == NULL || (info->flags & XEN_DOMINF_dying) != 0) {
            xenstored_release(&service->xs, conn->domid);
            return true;
        }
        if ((info->flags & XEN_DOMINF_shutdown) != 0 && !conn->shut_down)
            conn->shut_down = *shut_down = true;
    }
    return false;
}

static void look_at_all(bool *shut_down)
{
    struct domain_list list;

    if (domain_list_get(&list) == 0)
        while (release_one(&list, shut_down))
            ;
    domain_list_free(&list);
}

static void changed(domid_t domid, enum domain_change change, void *arg)
{
    struct connection *conn = xenstored_domain(&service->xs, domid);
    bool *shut_down = arg;

    if (conn == NULL)
        return;
    if (change == DOMAIN_GONE)
        xenstored_release(&service->xs, domid);
    else if (!conn->shut_down)
        conn->shut_down = *shut_down = true;
}

static void look_at_domains(void)
{
    bool shut_down = false;

    service->domains_changed = false;
    if (!xc_changes(&service->seen, changed, &shut_down))
        look_at_all(&shut_down);
    if (shut_down)
        watch_fire_special(&service->xs, "@releaseDomain");
}

static void run(void *arg)
{
    struct carrier *carrier;

    (void)arg;
    for (;;) {
        wait_event(&service->work, !TAILQ_EMPTY(&service->ready) || service->domains_changed);
        mutex_lock(&service->lock);
        if (service->domains_changed)
            look_at_domains();
        carrier = next_ready();
        if (carrier != NULL)
            serve(carrier);
        mutex_unlock(&service->lock);
    }
}

/* ---- clients of this domain ---- */

static int local_open(void **client)
{
    mutex_lock(&service->lock);
    *client = xenstored_open(&service->xs, PRIVILEGED_DOMID);
    mutex_unlock(&service->lock);
    return *client != NULL ? 0 : ENOMEM;
}

static void local_close(void *client)
{
    mutex_lock(&service->lock);
    xenstored_close(client);
    mutex_unlock(&service->lock);
}

/* The first message that is an event, or that is none. */
static struct message *find_message(struct connection *conn, bool event, struct xsd_sockmsg *header)
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

/* Copies the payload, with a NUL behind it, and removes the message. */
static char *take_message(struct connection *conn, struct message *message, uint32_t len)
{
    char *payload = malloc(len + 1);

    if (payload != NULL) {
        memcpy(payload, message->data + sizeof(struct xsd_sockmsg), len);
        payload[len] = '\0';
    }
    xenstored_sent(conn, message);
    return payload;
}

static int local_request(void *client, struct xsd_sockmsg *header, const void *payload, char **reply)
{
    struct connection *conn = client;
    struct message *message;

    *reply = NULL;
    mutex_lock(&service->lock);
    xenstored_feed(conn, header, sizeof(*header));
    if (header->len != 0)
        xenstored_feed(conn, payload, header->len);
    message = find_message(conn, false, header);
    if (message != NULL)
        *reply = take_message(conn, message, header->len);
    mutex_unlock(&service->lock);
    return *reply != NULL ? 0 : ENOMEM;
}

static int local_event(void *client, uint64_t deadline, char **payload, uint32_t *len)
{
    struct connection *conn = client;
    struct xsd_sockmsg header;
    struct message *message;
    int error = EAGAIN;

    mutex_lock(&service->lock);
    while ((message = find_message(conn, true, &header)) == NULL)
        if (cond_wait_until(&service->events, &service->lock, deadline) != 0)
            break;
    if (message != NULL) {
        *payload = take_message(conn, message, header.len);
        *len = header.len;
        error = *payload != NULL ? 0 : ENOMEM;
    }
    mutex_unlock(&service->lock);
    return error;
}

static const struct xenstore_transport local_transport = {
    .open = local_open,
    .close = local_close,
    .request = local_request,
    .event = local_event,
};

/* ---- start ---- */

static int start_thread(void)
{
    struct thread *thread;
    evtchn_port_t port;
    int error = evtchn_bind_virq(VIRQ_DOM_EXC, 0, &port);

    if (error == 0)
        error = evtchn_set_handler(port, domain_event, NULL);
    if (error != 0)
        return xen_errno_to_c(error);
    thread = thread_create("xenstored", run, NULL, 0);
    if (thread == NULL)
        return ENOMEM;
    thread_detach(thread);
    evtchn_unmask(port);
    return 0;
}

int xenstored_start(void)
{
    uint64_t seed = 0;
    int error;

    service = calloc(1, sizeof(*service));
    if (service == NULL)
        return ENOMEM;
    mutex_init(&service->lock);
    wait_queue_init(&service->work);
    cond_init(&service->events);
    TAILQ_INIT(&service->ready);
    getentropy(&seed, sizeof(seed));
    error = xenstored_init(&service->xs, &service_ops, service, seed);
    if (error == 0)
        error = start_thread();
    if (error != 0)
        return error;
    xenstore_set_transport(&local_transport);
    return boot_domains_introduce();
}
