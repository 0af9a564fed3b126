/* SPDX-License-Identifier: MIT */
#include "split_drivers/netback.h"
#include "pvguest/event_channel.h"
#include "pvguest/grant_table.h"
#include "pvguest/hypercall.h"
#include "pvguest/timer.h"
#include "pvguest/xen_errno.h"
#include "split_drivers/backend_bus.h"
#include "split_drivers/netback_queue.h"
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_QUEUES 4
#define TX_ROUNDS  4 /* batches of one queue before the others have their turn */

struct netback;

struct queue {
    struct netback_queue ring;
    struct netback *vif;
    struct grant_mapping map; /* the two rings */
    evtchn_port_t tx_port, rx_port;
    struct worker_task tx_task, rx_task;
};

struct netback {
    struct backend_device device;
    struct switch_port port;
    struct net_switch *bridge;
    char name[24];
    struct netback_options options;
    struct netback_credit credit;
    struct timer credit_timer;
    unsigned int nr_queues;
    struct queue queue[MAX_QUEUES];
};

static struct worker *worker;
static struct net_switch *(*find_bridge)(const char *name);
static struct grant_copy copy; /* the worker's; so are the calls that it counts */
static struct netback_calls calls;

static struct netback *vif_of(struct backend_device *device)
{
    return (struct netback *)device;
}

/* ---- traffic ---- */

struct netback_calls netback_calls(void)
{
    return calls;
}

static void send_event(evtchn_port_t port)
{
    calls.events++;
    evtchn_send(port);
}

static void check_queue(struct queue *queue)
{
    if (queue->ring.broken && !queue->vif->device.failed)
        backend_device_fail(&queue->vif->device, queue->ring.broken);
}

static void run_tx(struct worker_task *task)
{
    struct queue *queue = (struct queue *)((char *)task - offsetof(struct queue, tx_task));
    struct packet_list list = STAILQ_HEAD_INITIALIZER(list);
    enum netback_progress progress = NETBACK_MORE;
    uint64_t now = time_ns();
    bool notify = false;

    for (unsigned int round = 0; round < TX_ROUNDS && progress == NETBACK_MORE; round++) {
        progress = netback_queue_transmit(&queue->ring, now, &list, &notify);
        calls.copies += copy.nr != 0;
    }
    if (notify)
        send_event(queue->tx_port);
    while (!STAILQ_EMPTY(&list)) {
        struct packet *packet = STAILQ_FIRST(&list);

        STAILQ_REMOVE_HEAD(&list, next);
        switch_input(&queue->vif->port, packet, now);
    }
    check_queue(queue);
    if (progress == NETBACK_MORE)
        worker_schedule(worker, task);
    else if (progress == NETBACK_NO_CREDIT)
        timer_start(&queue->vif->credit_timer, queue->vif->credit.window + queue->vif->credit.period);
}

static void run_rx(struct worker_task *task)
{
    struct queue *queue = (struct queue *)((char *)task - offsetof(struct queue, rx_task));
    bool notify = false;
    enum netback_progress progress = netback_queue_receive(&queue->ring, &notify);

    calls.copies += copy.nr != 0;
    if (notify)
        send_event(queue->rx_port);
    check_queue(queue);
    if (progress == NETBACK_MORE)
        worker_schedule(worker, task);
}

static void credit_is_back(struct timer *timer)
{
    struct netback *vif = (struct netback *)((char *)timer - offsetof(struct netback, credit_timer));

    for (unsigned int i = 0; i < vif->nr_queues; i++)
        worker_schedule(worker, &vif->queue[i].tx_task);
}

static void tx_event(evtchn_port_t port, void *arg)
{
    (void)port;
    worker_schedule(worker, &((struct queue *)arg)->tx_task);
}

static void rx_event(evtchn_port_t port, void *arg)
{
    (void)port;
    worker_schedule(worker, &((struct queue *)arg)->rx_task);
}

static void both_event(evtchn_port_t port, void *arg)
{
    struct queue *queue = arg;

    tx_event(port, arg);
    if (!STAILQ_EMPTY(&queue->ring.pending))
        rx_event(port, arg);
}

/* All packets of a connection take the same queue. */
static struct queue *choose_queue(struct netback *vif, const struct packet *packet)
{
    struct packet_headers headers;
    const uint8_t *network = packet_data(packet) + ETHERNET_HEADER;
    uint32_t hash = 0;

    if (vif->nr_queues == 1 || !packet_parse(packet, &headers) || !headers.protocol)
        return &vif->queue[0];
    network = packet_data(packet) + headers.network;
    for (unsigned int i = headers.ethertype == ETHERTYPE_IPV4 ? 12 : 8;
         i < (headers.ethertype == ETHERTYPE_IPV4 ? 20U : 40U); i += 4)
        hash = (hash ^ get32(network + i)) * 0x9e3779b1U;
    if (headers.checksum)
        hash = (hash ^ get32(packet_data(packet) + headers.transport)) * 0x9e3779b1U;
    return &vif->queue[(hash >> 16) % vif->nr_queues];
}

static void transmit(struct switch_port *port, struct packet *packet)
{
    struct netback *vif = (struct netback *)((char *)port - offsetof(struct netback, port));
    struct queue *queue;

    if (!netback_wants(&vif->options, packet_data(packet))) {
        port->counters.tx_dropped++;
        packet_put(packet);
        return;
    }
    queue = choose_queue(vif, packet);
    if (netback_queue_add(&queue->ring, packet))
        worker_schedule(worker, &queue->rx_task);
    else
        port->counters.tx_dropped++;
}

/* ---- connecting ---- */

static int map_rings(struct netback *vif, struct queue *queue, const char *dir)
{
    struct xenbus_device *bus = &vif->device.bus;
    grant_ref_t refs[2];
    uint64_t tx, rx;
    int error = xenbus_read_number(bus->xs, XBT_NULL, dir, "tx-ring-ref", UINT32_MAX, &tx);

    if (!error)
        error = xenbus_read_number(bus->xs, XBT_NULL, dir, "rx-ring-ref", UINT32_MAX, &rx);
    if (error) {
        xenbus_error(bus, error, "reading %s/tx-ring-ref and rx-ring-ref", dir);
        return error;
    }
    refs[0] = (grant_ref_t)tx;
    refs[1] = (grant_ref_t)rx;
    error = xen_errno_to_c(gnttab_map(&queue->map, bus->other_id, refs, 2, false));
    if (error)
        xenbus_error(bus, error, "mapping the rings, grants %u and %u", refs[0], refs[1]);
    return error;
}

static int bind_port(struct netback *vif, struct queue *queue, uint64_t remote, evtchn_port_t *port,
                     evtchn_handler_t handler)
{
    struct xenbus_device *bus = &vif->device.bus;
    int error = xen_errno_to_c(evtchn_bind_interdomain(bus->other_id, (evtchn_port_t)remote, port));

    if (error) {
        xenbus_error(bus, error, "binding to event channel %u", (unsigned int)remote);
        return error;
    }
    error = xen_errno_to_c(evtchn_set_handler(*port, handler, queue));
    if (error)
        evtchn_close(*port);
    return error;
}

/* Two event channels, or one for both directions. */
static int bind_ports(struct netback *vif, struct queue *queue, const char *dir)
{
    struct xenbus_device *bus = &vif->device.bus;
    uint64_t tx, rx;
    int error;

    if (!xenbus_read_number(bus->xs, XBT_NULL, dir, "event-channel-tx", UINT32_MAX, &tx) &&
        !xenbus_read_number(bus->xs, XBT_NULL, dir, "event-channel-rx", UINT32_MAX, &rx)) {
        error = bind_port(vif, queue, tx, &queue->tx_port, tx_event);
        if (error)
            return error;
        error = bind_port(vif, queue, rx, &queue->rx_port, rx_event);
        if (error)
            evtchn_close(queue->tx_port);
        return error;
    }
    error = xenbus_read_number(bus->xs, XBT_NULL, dir, "event-channel", UINT32_MAX, &tx);
    if (error) {
        xenbus_error(bus, error, "reading %s/event-channel", dir);
        return error;
    }
    error = bind_port(vif, queue, tx, &queue->tx_port, both_event);
    queue->rx_port = queue->tx_port;
    return error;
}

static void close_queue(struct queue *queue)
{
    evtchn_close(queue->tx_port);
    if (queue->rx_port != queue->tx_port)
        evtchn_close(queue->rx_port);
    gnttab_unmap(&queue->map);
}

static int open_queue(struct netback *vif, unsigned int number, const char *dir)
{
    struct queue *queue = &vif->queue[number];
    int error;

    *queue = (struct queue){ .vif = vif, .tx_task.run = run_tx, .rx_task.run = run_rx };
    queue->ring.copy = &copy;
    queue->ring.domid = vif->device.bus.other_id;
    queue->ring.options = &vif->options;
    queue->ring.credit = &vif->credit;
    error = map_rings(vif, queue, dir);
    if (error)
        return error;
    netback_queue_init(&queue->ring, queue->map.addr,
                       (netif_rx_sring_t *)((char *)queue->map.addr + PACKET_PAGE));
    error = bind_ports(vif, queue, dir);
    if (error)
        gnttab_unmap(&queue->map);
    return error;
}

static int open_queues(struct netback *vif)
{
    const char *other = vif->device.bus.other;
    uint64_t wanted = 1;
    int error = xenbus_read_number(vif->device.bus.xs, XBT_NULL, other, "multi-queue-num-queues", MAX_QUEUES,
                                   &wanted);

    if ((error && error != ENOENT) || !wanted) {
        xenbus_error(&vif->device.bus, EINVAL, "multi-queue-num-queues is not in 1..%u", MAX_QUEUES);
        return EINVAL;
    }
    for (vif->nr_queues = 0; vif->nr_queues < wanted; vif->nr_queues++) {
        char dir[2 * XENBUS_PATH_MAX];

        snprintf(dir, sizeof(dir), wanted == 1 ? "%s" : "%s/queue-%u", other, vif->nr_queues);
        error = open_queue(vif, vif->nr_queues, dir);
        if (error)
            break;
        error = 0;
    }
    if (vif->nr_queues == wanted)
        return 0;
    while (vif->nr_queues)
        close_queue(&vif->queue[--vif->nr_queues]);
    return error;
}

static bool frontend_has(const struct netback *vif, const char *feature)
{
    return xenbus_read_flag(vif->device.bus.xs, XBT_NULL, vif->device.bus.other, feature, false);
}

static void read_features(struct netback *vif)
{
    bool sg = frontend_has(vif, "feature-sg");

    vif->options = (struct netback_options){
        .scatter_gather = sg,
        .filter_multicast = frontend_has(vif, "request-multicast-control"),
    };
    vif->port.features = (frontend_has(vif, "feature-no-csum-offload") ? 0 : PORT_CHECKSUM4) |
                         (frontend_has(vif, "feature-ipv6-csum-offload") ? PORT_CHECKSUM6 : 0) |
                         (sg && frontend_has(vif, "feature-gso-tcpv4") ? PORT_GSO4 : 0) |
                         (sg && frontend_has(vif, "feature-gso-tcpv6") ? PORT_GSO6 : 0);
}

/* In the worker: from now on there is traffic. */
static void plug_in(void *arg)
{
    struct netback *vif = arg;

    switch_add_port(vif->bridge, &vif->port);
    for (unsigned int i = 0; i < vif->nr_queues; i++) {
        worker_schedule(worker, &vif->queue[i].tx_task);
        evtchn_unmask(vif->queue[i].tx_port);
        evtchn_unmask(vif->queue[i].rx_port);
    }
}

static void pull_out(void *arg)
{
    struct netback *vif = arg;

    switch_remove_port(&vif->port);
    timer_cancel(&vif->credit_timer);
    for (unsigned int i = 0; i < vif->nr_queues; i++) {
        struct queue *queue = &vif->queue[i];

        evtchn_mask(queue->tx_port);
        evtchn_mask(queue->rx_port);
        worker_cancel(worker, &queue->tx_task);
        worker_cancel(worker, &queue->rx_task);
        netback_queue_free(&queue->ring);
    }
}

static int connect(struct backend_device *device)
{
    struct netback *vif = vif_of(device);
    int error;

    if (!frontend_has(vif, "request-rx-copy")) {
        xenbus_error(&device->bus, EOPNOTSUPP, "the frontend does not ask for rx-copy");
        return EOPNOTSUPP;
    }
    read_features(vif);
    error = open_queues(vif);
    if (!error)
        worker_call(worker, plug_in, vif);
    return error;
}

static void disconnect(struct backend_device *device)
{
    struct netback *vif = vif_of(device);

    worker_call(worker, pull_out, vif);
    while (vif->nr_queues)
        close_queue(&vif->queue[--vif->nr_queues]);
}

static bool alive(const struct backend_device *device)
{
    const struct netback *vif = (const struct netback *)device;
    struct evtchn_status status = { .dom = DOMID_SELF, .port = vif->queue[0].tx_port };

    return hypercall_event_channel_op(EVTCHNOP_status, &status) == 0 &&
           status.status == EVTCHNSTAT_interdomain;
}

/* "feature-dynamic-multicast-control": the one node that may change later. */
static void frontend_node(struct backend_device *device, const char *path)
{
    struct netback *vif = vif_of(device);

    if (strcmp(path, "request-multicast-control") == 0)
        vif->options.filter_multicast = frontend_has(vif, "request-multicast-control");
}

/* ---- what the toolstack wrote ---- */

static int parse_mac(const char *text, uint8_t *mac)
{
    unsigned int byte[6];
    int end = 0;

    if (sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%n", &byte[0], &byte[1], &byte[2], &byte[3], &byte[4], &byte[5],
               &end) != 6 ||
        text[end])
        return EINVAL;
    for (unsigned int i = 0; i < 6; i++)
        mac[i] = (uint8_t)byte[i];
    return mac[0] & 1 ? EINVAL : 0;
}

static int parse_ips(const char *text, struct switch_port *port)
{
    unsigned int byte[4];
    int length;

    for (port->nr_ips = 0; *text; text += length) {
        if (port->nr_ips == SWITCH_PORT_IPS ||
            sscanf(text, " %3u.%3u.%3u.%3u %n", &byte[0], &byte[1], &byte[2], &byte[3], &length) != 4)
            return EINVAL;
        if (byte[0] > 255 || byte[1] > 255 || byte[2] > 255 || byte[3] > 255)
            return EINVAL;
        port->ip[port->nr_ips++] = byte[0] << 24 | byte[1] << 16 | byte[2] << 8 | byte[3];
    }
    return 0;
}

static int parse_rate(const char *text, struct netback_credit *credit)
{
    unsigned long bytes, microseconds;
    int end = 0;

    if (sscanf(text, "%lu,%lu%n", &bytes, &microseconds, &end) != 2 || text[end] || !microseconds ||
        microseconds > UINT32_MAX)
        return EINVAL;
    *credit =
        (struct netback_credit){ .bytes = bytes, .period = microseconds * NSEC_PER_USEC, .left = bytes };
    return 0;
}

static int read_mtu(struct netback *vif)
{
    struct xenbus_device *bus = &vif->device.bus;
    uint64_t mtu = ETHERNET_MTU;
    int error = xenbus_read_number(bus->xs, XBT_NULL, bus->node, "mtu", PACKET_MAX_MTU, &mtu);

    if (error == ENOENT)
        error = 0;
    else if (!error && mtu < PACKET_MIN_MTU)
        error = ERANGE;
    if (error)
        xenbus_error(bus, error, "mtu is not in %u..%u", PACKET_MIN_MTU, PACKET_MAX_MTU);
    vif->port.mtu = (unsigned int)mtu;
    return error;
}

static int read_config(struct netback *vif)
{
    struct xenbus_device *bus = &vif->device.bus;
    char *mac = xenbus_read(bus->xs, XBT_NULL, bus->node, "mac");
    char *bridge = xenbus_read(bus->xs, XBT_NULL, bus->node, "bridge");
    char *rate = xenbus_read(bus->xs, XBT_NULL, bus->node, "rate");
    char *ip = xenbus_read(bus->xs, XBT_NULL, bus->node, "ip");
    int error = mac ? parse_mac(mac, vif->port.mac) : ENOENT;

    if (error)
        xenbus_error(bus, error, "mac: %s", mac ? mac : "missing");
    vif->bridge = find_bridge(bridge ? bridge : "");
    if (!error && !vif->bridge) {
        error = ENODEV;
        xenbus_error(bus, error, "there is no bridge '%s'", bridge ? bridge : "");
    }
    if (!error && rate && *rate && (error = parse_rate(rate, &vif->credit)))
        xenbus_error(bus, error, "rate: '%s'", rate);
    if (!error && ip && (error = parse_ips(ip, &vif->port)))
        xenbus_error(bus, error, "ip: '%s'", ip);
    if (!error)
        error = read_mtu(vif);
    free(mac);
    free(bridge);
    free(rate);
    free(ip);
    return error;
}

static int write_features(struct xs_handle *xs, xs_transaction_t t, void *arg)
{
    static const struct {
        const char *key;
        unsigned int value;
    } node[] = {
        { "feature-sg", 1 },
        { "feature-gso-tcpv4", 1 },
        { "feature-gso-tcpv6", 1 },
        { "feature-ipv6-csum-offload", 1 },
        { "feature-rx-copy", 1 },
        { "feature-rx-flip", 0 },
        { "feature-multicast-control", 1 },
        { "feature-dynamic-multicast-control", 1 },
        { "feature-split-event-channels", 1 },
        { "multi-queue-max-queues", MAX_QUEUES },
    };
    const struct netback *vif = arg;
    int error = xenbus_write(xs, t, vif->device.bus.node, "hotplug-status", "connected");

    for (size_t i = 0; i < sizeof(node) / sizeof(node[0]) && !error; i++)
        error = xenbus_write(xs, t, vif->device.bus.node, node[i].key, "%u", node[i].value);
    return error;
}

static int probe(struct backend_device *device)
{
    struct netback *vif = vif_of(device);
    int error = read_config(vif);

    if (error)
        return error;
    snprintf(vif->name, sizeof(vif->name), "vif%u.%u", device->bus.other_id, device->handle);
    vif->port.name = vif->name;
    vif->port.transmit = transmit;
    vif->port.check_source = true;
    vif->credit_timer.fn = credit_is_back;
    return xenbus_transaction(device->bus.xs, write_features, vif);
}

static void removed(struct backend_device *device)
{
    (void)device;
}

static const struct backend_driver driver = {
    .type = "vif",
    .size = sizeof(struct netback),
    .probe = probe,
    .connect = connect,
    .disconnect = disconnect,
    .remove = removed,
    .frontend_node = frontend_node,
    .alive = alive,
};

int netback_start(struct worker *network, struct net_switch *(*find_switch)(const char *name))
{
    worker = network;
    find_bridge = find_switch;
    return backend_bus_start(&driver);
}
