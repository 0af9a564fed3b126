/* SPDX-License-Identifier: MIT */
#include "split_drivers/netfront.h"
#include "lwip/dhcp.h"
#include "lwip/dns.h"
#include "lwip/etharp.h"
#include "lwip/ethip6.h"
#include "lwip/netif.h"
#include "lwip/tcpip.h"
#include "netif/ethernet.h"
#include "pvguest/event_channel.h"
#include "pvguest/lwip/start.h"
#include "pvguest/sync.h"
#include "pvguest/thread.h"
#include "pvguest/xen_errno.h"
#include "pvguest/xenbus.h"
#include "split_drivers/lwip_packet.h"
#include "split_drivers/netfront_multicast.h"
#include "split_drivers/netfront_ring.h"
#include "split_drivers/worker.h"
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RECEIVE_BATCH  64
#define OUT_BYTES      (1U << 20)
#define CLOSE_PATIENCE (5 * NSEC_PER_SEC)
#define FILTER_NODE    "request-multicast-control"

struct netfront {
    LIST_ENTRY(netfront) next;
    unsigned int handle;
    struct xs_handle *xs;
    struct xenbus_device bus;
    struct netif netif;
    uint8_t mac[6];
    uint16_t mtu;
    bool up; /* connected: lwIP's lock */
    struct netfront_ring ring;
    evtchn_port_t port;
    struct worker_task in_task, out_task;
    struct packet_list out;    /* what lwIP sends: upcalls masked */
    struct packet_run out_run; /* the last one of them */
    uint32_t out_bytes;
    struct packet_list pending; /* what is to go into the ring: the worker's */
    bool gso;                   /* the backend takes large segments */
    bool filtered;              /* the backend passes on no groups' packets but those of `multicast` */
    bool groups_wait;           /* for room in the ring */
    struct netfront_multicast multicast; /* upcalls masked */
};

static struct worker worker;
static LIST_HEAD(, netfront) devices;
static struct mutex devices_lock = MUTEX_INITIALIZER(devices_lock);
static struct wait_queue address_changed = WAIT_QUEUE_INITIALIZER(address_changed);

/* ---- traffic ---- */

static void event(evtchn_port_t port, void *arg)
{
    struct netfront *device = arg;

    (void)port;
    worker_schedule(&worker, &device->in_task);
    if (!STAILQ_EMPTY(&device->pending) || device->groups_wait)
        worker_schedule(&worker, &device->out_task);
}

/* Continues the segment that waits last, in its pages: the backend, which copies page by page, has less to do
 * then. Upcalls masked. */
static bool add_to_last(struct netfront *device, const struct pbuf *pbuf)
{
    if (!device->gso || STAILQ_EMPTY(&device->out) || device->out_bytes + pbuf->tot_len > OUT_BYTES ||
        !packet_run_add_pbuf(&device->out_run, pbuf))
        return false;
    device->out_bytes += pbuf->tot_len;
    return true;
}

/* Upcalls masked. */
static bool add_new(struct netfront *device, struct packet *packet)
{
    if (device->out_bytes + packet->length > OUT_BYTES)
        return false;
    if (!STAILQ_EMPTY(&device->out))
        packet_run_end(&device->out_run);
    packet_run_begin(&device->out_run, packet);
    STAILQ_INSERT_TAIL(&device->out, packet, next);
    device->out_bytes += packet->length;
    return true;
}

/* With lwIP's lock; the worker takes it from here, as much as there is by then. */
static err_t link_output(struct netif *netif, struct pbuf *pbuf)
{
    struct netfront *device = netif->state;
    struct packet *packet = NULL;
    bool masked = upcalls_disable();
    bool added = device->up && add_to_last(device, pbuf);

    upcalls_restore(masked);
    if (added)
        return ERR_OK;
    packet = device->up ? packet_from_pbuf(pbuf) : NULL;
    if (!packet)
        return ERR_IF;
    masked = upcalls_disable();
    added = add_new(device, packet);
    upcalls_restore(masked);
    if (!added) {
        packet_put(packet);
        return ERR_MEM;
    }
    worker_schedule(&worker, &device->out_task);
    return ERR_OK;
}

static void take_out(struct netfront *device)
{
    bool masked = upcalls_disable();

    if (!STAILQ_EMPTY(&device->out))
        packet_run_end(&device->out_run);
    STAILQ_CONCAT(&device->pending, &device->out);
    device->out_bytes = 0;
    upcalls_restore(masked);
}

static void drop_out(struct netfront *device)
{
    take_out(device);
    while (!STAILQ_EMPTY(&device->pending)) {
        struct packet *packet = STAILQ_FIRST(&device->pending);

        STAILQ_REMOVE_HEAD(&device->pending, next);
        packet_put(packet);
    }
}

/* The backend's list is too short for all groups: it shall pass on everything ("feature-dynamic-multicast-
 * control"). */
static void end_filter(struct netfront *device)
{
    struct xs_handle *xs = xs_open(0);

    if (xs && xenbus_write(xs, XBT_NULL, device->bus.node, FILTER_NODE, "0") == 0)
        device->filtered = false;
    xs_close(xs);
}

/* False: not all, the ring is full. */
static bool tell_groups(struct netfront *device)
{
    const struct netfront_group *group;
    bool masked = upcalls_disable();

    while ((group = netfront_multicast_next(&device->multicast)) &&
           netfront_ring_filter(&device->ring, group->address, !group->told))
        netfront_multicast_done(&device->multicast, group);
    upcalls_restore(masked);
    return !group;
}

/* Brings the backend's filter up to date. */
static void update_filter(struct netfront *device)
{
    device->groups_wait = false;
    if (device->multicast.overflow || device->ring.filter_refused)
        end_filter(device);
    else
        while (!tell_groups(device) && !device->groups_wait)
            device->groups_wait = netfront_ring_reap(&device->ring, true);
}

static void run_out(struct worker_task *task)
{
    struct netfront *device = (struct netfront *)((char *)task - offsetof(struct netfront, out_task));

    take_out(device);
    netfront_ring_reap(&device->ring, false);
    if (device->filtered && (device->multicast.changed || device->ring.filter_refused))
        update_filter(device);
    while (!STAILQ_EMPTY(&device->pending) && !device->ring.broken) {
        struct packet *packet = STAILQ_FIRST(&device->pending);

        STAILQ_REMOVE_HEAD(&device->pending, next);
        if (netfront_ring_send(&device->ring, device->bus.other_id, packet))
            continue;
        STAILQ_INSERT_HEAD(&device->pending, packet, next);
        if (netfront_ring_reap(&device->ring, true))
            break;
    }
    if (netfront_ring_push(&device->ring))
        evtchn_send(device->port);
}

static void run_in(struct worker_task *task)
{
    struct netfront *device = (struct netfront *)((char *)task - offsetof(struct netfront, in_task));
    struct packet_list list = STAILQ_HEAD_INITIALIZER(list);
    bool notify = false;
    bool more = netfront_ring_receive(&device->ring, device->bus.other_id, RECEIVE_BATCH, &list, &notify);

    if (notify)
        evtchn_send(device->port);
    LOCK_TCPIP_CORE();
    while (!STAILQ_EMPTY(&list)) {
        struct packet *packet = STAILQ_FIRST(&list);
        struct pbuf *pbuf = NULL;

        STAILQ_REMOVE_HEAD(&list, next);
        if (packet_verify_checksum(packet))
            pbuf = packet_to_pbuf(packet);
        else
            packet_put(packet);
        if (pbuf && device->netif.input(pbuf, &device->netif) != ERR_OK)
            pbuf_free(pbuf);
    }
    UNLOCK_TCPIP_CORE();
    if (more)
        worker_schedule(&worker, task);
}

/* ---- groups ---- */

static void change_groups(struct netif *netif, const uint8_t *address, enum netif_mac_filter_action action)
{
    struct netfront *device = netif->state;
    bool masked = upcalls_disable();

    netfront_multicast_change(&device->multicast, address, action == NETIF_ADD_MAC_FILTER);
    upcalls_restore(masked);
    if (device->up)
        worker_schedule(&worker, &device->out_task);
}

/* RFC 1112, 6.4: the low 23 bits. */
static err_t change_ip4_group(struct netif *netif, const ip4_addr_t *group,
                              enum netif_mac_filter_action action)
{
    const uint8_t address[6] = {
        0x01, 0x00, 0x5e, ip4_addr2(group) & 0x7f, ip4_addr3(group), ip4_addr4(group)
    };

    change_groups(netif, address, action);
    return ERR_OK;
}

/* RFC 2464, 7: the low 32 bits. */
static err_t change_ip6_group(struct netif *netif, const ip6_addr_t *group,
                              enum netif_mac_filter_action action)
{
    uint8_t address[6] = { 0x33, 0x33 };

    memcpy(address + 2, &group->addr[3], 4);
    change_groups(netif, address, action);
    return ERR_OK;
}

/* ---- lwIP's interface ---- */

static err_t init_netif(struct netif *netif)
{
    struct netfront *device = netif->state;

    netif->name[0] = 'e';
    netif->name[1] = 'n';
    netif->output = etharp_output;
    netif->output_ip6 = ethip6_output;
    netif->linkoutput = link_output;
    netif->mtu = device->mtu;
    netif->hwaddr_len = 6;
    memcpy(netif->hwaddr, device->mac, 6);
    netif->flags =
        NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_ETHERNET | NETIF_FLAG_IGMP | NETIF_FLAG_MLD6;
    lwip_packet_offload(netif);
    netif_set_igmp_mac_filter(netif, change_ip4_group);
    netif_set_mld_mac_filter(netif, change_ip6_group);
    return ERR_OK;
}

static void status_changed(struct netif *netif)
{
    (void)netif;
    wait_queue_wake_all(&address_changed);
}

/* "ADDRESS/LENGTH". */
static bool parse_address(const char *text, ip4_addr_t *address, ip4_addr_t *netmask)
{
    const char *slash = strchr(text, '/');
    char copy[16];
    int length = slash ? atoi(slash + 1) : 0;

    if (!slash || length < 1 || length > 32 || (size_t)(slash - text) >= sizeof(copy))
        return false;
    memcpy(copy, text, (size_t)(slash - text));
    copy[slash - text] = '\0';
    netmask->addr = lwip_htonl(UINT32_MAX << (32 - length));
    return ip4addr_aton(copy, address);
}

/* With lwIP's lock: the addresses that the command line says, or DHCP's. */
static void configure(struct netfront *device)
{
    const char *ip = device->handle ? NULL : getenv("IP");
    const char *gateway = getenv("GATEWAY"), *dns = getenv("DNS");
    ip4_addr_t address, netmask, router = { 0 };
    ip_addr_t server;

    if (!ip) {
        dhcp_start(&device->netif);
        return;
    }
    if (!parse_address(ip, &address, &netmask) || (gateway && !ip4addr_aton(gateway, &router))) {
        printf("netfront: IP=%s GATEWAY=%s: not understood\n", ip, gateway ? gateway : "");
        return;
    }
    netif_set_addr(&device->netif, &address, &netmask, &router);
    if (dns && ipaddr_aton(dns, &server))
        dns_setserver(0, &server);
}

static bool add_netif(struct netfront *device)
{
    /* lwIP is in this group without joining it. */
    static const uint8_t all_ip6_nodes[6] = { 0x33, 0x33, 0, 0, 0, 1 };
    bool added;

    LOCK_TCPIP_CORE();
    added = netif_add_noaddr(&device->netif, device, init_netif, ethernet_input);
    if (added) {
        change_groups(&device->netif, all_ip6_nodes, NETIF_ADD_MAC_FILTER);
        netif_set_status_callback(&device->netif, status_changed);
        if (!netif_default)
            netif_set_default(&device->netif);
        netif_create_ip6_linklocal_address(&device->netif, 1);
        netif_set_up(&device->netif);
    }
    UNLOCK_TCPIP_CORE();
    return added;
}

static void remove_netif(struct netfront *device)
{
    LOCK_TCPIP_CORE();
    dhcp_stop(&device->netif);
    dhcp_cleanup(&device->netif);
    netif_remove(&device->netif);
    UNLOCK_TCPIP_CORE();
}

/* ---- the device ---- */

static int write_nodes(struct xs_handle *xs, xs_transaction_t t, void *arg)
{
    static const char *const features[] = { "request-rx-copy",   "feature-rx-notify",
                                            "feature-sg",        "feature-gso-tcpv4",
                                            "feature-gso-tcpv6", "feature-ipv6-csum-offload" };
    struct netfront *device = arg;
    const char *node = device->bus.node;
    int error = xenbus_write(xs, t, node, "tx-ring-ref", "%u", device->ring.tx_ref);

    if (!error)
        error = xenbus_write(xs, t, node, "rx-ring-ref", "%u", device->ring.rx_ref);
    if (!error)
        error = xenbus_write(xs, t, node, "event-channel", "%u", device->port);
    for (size_t i = 0; i < sizeof(features) / sizeof(features[0]) && !error; i++)
        error = xenbus_write(xs, t, node, features[i], "1");
    if (!error)
        error = xenbus_write(xs, t, node, FILTER_NODE, "%d", device->filtered);
    return error;
}

static int open_port(struct netfront *device)
{
    int error = evtchn_alloc_unbound(device->bus.other_id, &device->port);

    if (error)
        return xen_errno_to_c(error);
    error = evtchn_set_handler(device->port, event, device);
    if (error)
        evtchn_close(device->port);
    return xen_errno_to_c(error);
}

static bool backend_has(const struct netfront *device, const char *feature)
{
    return xenbus_read_flag(device->xs, XBT_NULL, device->bus.other, feature, false);
}

static void set_up(struct netfront *device, bool up)
{
    LOCK_TCPIP_CORE();
    device->up = up;
    if (up)
        netif_set_link_up(&device->netif);
    else
        netif_set_link_down(&device->netif);
    if (up) {
        configure(device);
        worker_schedule(&worker, &device->out_task); /* the groups */
    }
    UNLOCK_TCPIP_CORE();
}

/* A backend that cannot stop filtering is not asked to. */
static void begin_filter(struct netfront *device)
{
    bool masked = upcalls_disable();

    netfront_multicast_restart(&device->multicast);
    upcalls_restore(masked);
    device->filtered = backend_has(device, "feature-multicast-control") &&
                       backend_has(device, "feature-dynamic-multicast-control");
}

static int connect(struct netfront *device)
{
    enum xenbus_state state;
    int error = netfront_ring_open(&device->ring, device->bus.other_id);

    if (error)
        return error;
    error = open_port(device);
    if (error) {
        netfront_ring_close(&device->ring);
        return error;
    }
    begin_filter(device);
    error = xenbus_transaction(device->xs, write_nodes, device);
    if (!error)
        error = xenbus_switch_state(&device->bus, XBT_NULL, XenbusStateConnected);
    if (!error)
        error = xenbus_wait_other(&device->bus, ~XENBUS_STATE(XenbusStateInitWait), TIME_NEVER, &state);
    if (!error && state != XenbusStateConnected)
        error = ENXIO;
    if (error) {
        evtchn_close(device->port);
        netfront_ring_close(&device->ring);
        return error;
    }
    device->gso = backend_has(device, "feature-sg") && backend_has(device, "feature-gso-tcpv4") &&
                  backend_has(device, "feature-gso-tcpv6");
    evtchn_unmask(device->port);
    set_up(device, true);
    return 0;
}

static void stop(void *arg)
{
    struct netfront *device = arg;

    evtchn_mask(device->port);
    worker_cancel(&worker, &device->in_task);
    worker_cancel(&worker, &device->out_task);
    drop_out(device);
}

/* The backend has let go, or is given time to. */
static void disconnect(struct netfront *device)
{
    enum xenbus_state state;

    set_up(device, false);
    worker_call(&worker, stop, device);
    xenbus_switch_state(&device->bus, XBT_NULL, XenbusStateClosing);
    xenbus_wait_other(&device->bus, ~(XENBUS_STATE(XenbusStateConnected)), time_ns() + CLOSE_PATIENCE,
                      &state);
    xenbus_switch_state(&device->bus, XBT_NULL, XenbusStateClosed);
    evtchn_close(device->port);
    netfront_ring_close(&device->ring);
}

/* From one state of the backend to the next, through its restarts; returns when the device has gone. */
static void live(struct netfront *device)
{
    const unsigned int over =
        XENBUS_STATE(XenbusStateClosing) | XENBUS_STATE(XenbusStateClosed) | XENBUS_STATE(XenbusStateUnknown);
    enum xenbus_state state;

    for (;;) {
        int error;

        if (xenbus_switch_state(&device->bus, XBT_NULL, XenbusStateInitialising) ||
            xenbus_wait_other(&device->bus,
                              XENBUS_STATE(XenbusStateInitWait) | XENBUS_STATE(XenbusStateUnknown),
                              TIME_NEVER, &state) ||
            state == XenbusStateUnknown)
            return;
        error = connect(device);
        if (error) {
            xenbus_error(&device->bus, error, "connecting");
            printf("netfront %u: cannot connect: %s\n", device->handle, strerror(error));
            xenbus_switch_state(&device->bus, XBT_NULL, XenbusStateClosed);
        } else {
            xenbus_wait_other(&device->bus, over, TIME_NEVER, &state);
            disconnect(device);
        }
        if (xenbus_wait_other(&device->bus, ~XENBUS_STATE(XenbusStateClosing), TIME_NEVER, &state) ||
            state == XenbusStateUnknown)
            return;
    }
}

static int read_mac(struct netfront *device)
{
    char *text = xenbus_read(device->xs, XBT_NULL, device->bus.node, "mac");
    unsigned int byte[6];
    int got;

    if (!text)
        return errno;
    got = sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x", &byte[0], &byte[1], &byte[2], &byte[3], &byte[4], &byte[5]);
    free(text);
    for (int i = 0; i < 6 && got == 6; i++)
        device->mac[i] = (uint8_t)byte[i];
    return got == 6 ? 0 : EINVAL;
}

/* What the toolstack says ("mtu" in <xen/io/netif.h>), or else Ethernet's. */
static int read_mtu(struct netfront *device)
{
    uint64_t mtu = ETHERNET_MTU;
    int error = xenbus_read_number(device->xs, XBT_NULL, device->bus.node, "mtu", PACKET_MAX_MTU, &mtu);

    device->mtu = (uint16_t)mtu;
    return error == ENOENT ? 0 : error ? error : mtu < PACKET_MIN_MTU ? EINVAL : 0;
}

static void run_device(void *arg)
{
    struct netfront *device = arg;
    char node[32];
    int error;

    snprintf(node, sizeof(node), "device/vif/%u", device->handle);
    device->xs = xs_open(0);
    error = device->xs ? xenbus_init_frontend(&device->bus, device->xs, node) : errno;
    if (!error)
        error = read_mac(device);
    if (!error)
        error = read_mtu(device);
    if (!error)
        error = add_netif(device) ? 0 : ENOMEM;
    if (!error) {
        live(device);
        remove_netif(device);
    } else if (error != ENOENT) { /* a device whose nodes are missing is being removed */
        printf("netfront %u: not used: %s\n", device->handle, strerror(error));
    }
    xs_close(device->xs);
    mutex_lock(&devices_lock);
    LIST_REMOVE(device, next);
    mutex_unlock(&devices_lock);
    free(device);
}

/* A thread for a vif that has none. */
static void look_at(unsigned int handle)
{
    struct netfront *device;
    struct thread *thread;

    mutex_lock(&devices_lock);
    LIST_FOREACH(device, &devices, next)
    {
        if (device->handle == handle)
            break;
    }
    if (!device && (device = calloc(1, sizeof(*device)))) {
        device->handle = handle;
        device->in_task.run = run_in;
        device->out_task.run = run_out;
        STAILQ_INIT(&device->out);
        STAILQ_INIT(&device->pending);
        LIST_INSERT_HEAD(&devices, device, next);
        thread = thread_create("netfront", run_device, device, 0);
        if (thread) {
            thread_detach(thread);
        } else {
            LIST_REMOVE(device, next);
            free(device);
        }
    }
    mutex_unlock(&devices_lock);
}

static void look_for_devices(void *arg)
{
    struct xs_handle *xs = arg;
    bool first = true; /* what is there at the start may be in the state that another kernel left */
    unsigned int words;
    char **watch;

    for (; (watch = xs_read_watch(xs, &words)); first = false) {
        unsigned int nr = 0;
        char **handles = xs_directory(xs, XBT_NULL, "device/vif", &nr);

        for (unsigned int i = 0; handles && i < nr; i++) {
            char node[48];

            snprintf(node, sizeof(node), "device/vif/%s", handles[i]);
            if (first || xenbus_read_state(xs, node) == XenbusStateInitialising)
                look_at((unsigned int)strtoul(handles[i], NULL, 10));
        }
        free(handles);
        free(watch);
    }
}

int netfront_start(void)
{
    struct xs_handle *xs;
    struct thread *thread;

    lwip_start();
    if (!worker_start(&worker, "net"))
        return ENOMEM;
    xs = xs_open(0);
    if (!xs || !xs_watch(xs, "device/vif", "vif")) {
        int error = errno;

        xs_close(xs);
        return error;
    }
    thread = thread_create("vifs", look_for_devices, xs, 0);
    if (!thread) {
        xs_close(xs);
        return ENOMEM;
    }
    thread_detach(thread);
    return 0;
}

static bool has_address(void)
{
    const struct netif *netif;

    NETIF_FOREACH(netif)
    {
        if (netif->state && netif->linkoutput == link_output && !ip4_addr_isany_val(*netif_ip4_addr(netif)))
            return true;
    }
    return false;
}

int netfront_wait(uint64_t deadline)
{
    return wait_event_until(&address_changed, has_address(), deadline) ? ETIMEDOUT : 0;
}
