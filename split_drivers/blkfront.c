/* SPDX-License-Identifier: MIT */
#include "split_drivers/blkfront.h"
#include "pvguest/console.h"
#include "pvguest/event_channel.h"
#include "pvguest/grant_table.h"
#include "pvguest/memory.h"
#include "pvguest/sync.h"
#include "pvguest/thread.h"
#include "pvguest/time.h"
#include "pvguest/xen_errno.h"
#include "pvguest/xenbus.h"
#include "pvguest/xenstore_transport.h"
#include "split_drivers/blkfront_ring.h"
#include "split_drivers/vbd_number.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TYPE_DIR  "device/vbd"
#define NODE_SIZE 64

/* What blkfront_close() grants the backend to let go of the pages. */
#define CLOSE_TIME (5 * NSEC_PER_SEC)

struct blkfront {
    struct block_device block; /* first: one is found by the other */
    struct blkfront_ring ring; /* upcalls masked */
    struct xenbus_device bus;
    void *shared;
    unsigned int order;
    grant_ref_t refs[1U << BLKFRONT_MAX_ORDER];
    evtchn_port_t port;
    bool may_last; /* as the backend was told */
    bool connected, gone, closing;
    struct wait_queue change; /* of those three */
    struct thread *thread;
};

/* ---- the data path ---- */

static void kick(struct blkfront *front)
{
    if (blkfront_ring_push(&front->ring))
        evtchn_send(front->port);
}

static void submit(struct block_device *block, struct block_request *request)
{
    struct blkfront *front = (struct blkfront *)block;
    bool masked = upcalls_disable();

    if (front->gone)
        request->done(request, ENODEV);
    else
        blkfront_ring_submit(&front->ring, request);
    upcalls_restore(masked);
}

static void commit(struct block_device *block)
{
    bool masked = upcalls_disable();

    kick((struct blkfront *)block);
    upcalls_restore(masked);
}

static void *alloc_buffer(struct block_device *block, size_t pages)
{
    struct blkfront *front = (struct blkfront *)block;

    return front->ring.may_last ? blkfront_pool_alloc(&front->ring.pool, pages) : NULL;
}

static bool free_buffer(struct block_device *block, void *buffer, size_t pages)
{
    return blkfront_pool_free(&((struct blkfront *)block)->ring.pool, buffer, pages);
}

static const struct block_ops ops = {
    .submit = submit, .commit = commit, .alloc_buffer = alloc_buffer, .free_buffer = free_buffer
};

static void ring_event(evtchn_port_t port, void *arg)
{
    struct blkfront *front = arg;
    const char *before = front->ring.broken;

    (void)port;
    blkfront_ring_take(&front->ring);
    kick(front);
    if (front->ring.broken && !before)
        console_printf("%s: the backend is not listened to any more: %s\n", front->block.name,
                       front->ring.broken);
}

/* ---- the connection ---- */

static void free_shared(struct blkfront *front)
{
    if (front->port)
        evtchn_close(front->port);
    front->port = 0;
    for (unsigned int i = 0; i < 1U << front->order; i++) {
        /* A page that the backend still has mapped stays away. */
        if (front->refs[i] && !gnttab_end_access(front->refs[i]) && front->shared)
            page_free((char *)front->shared + i * PAGE_SIZE, 0);
        front->refs[i] = 0;
    }
    front->shared = NULL;
}

static int make_shared(struct blkfront *front)
{
    int error;

    front->shared = page_alloc(front->order);
    if (!front->shared)
        return ENOMEM;
    page_split(front->shared, front->order);
    memset(front->shared, 0, PAGE_SIZE << front->order);
    for (unsigned int i = 0; i < 1U << front->order; i++) {
        int ref = gnttab_grant_access(front->bus.other_id, virt_to_mfn((char *)front->shared + i * PAGE_SIZE),
                                      false);

        if (ref < 0)
            return xen_errno_to_c(ref);
        front->refs[i] = (grant_ref_t)ref;
    }
    error = evtchn_alloc_unbound(front->bus.other_id, &front->port);
    if (error) {
        front->port = 0;
        return xen_errno_to_c(error);
    }
    return xen_errno_to_c(evtchn_set_handler(front->port, ring_event, front));
}

static int publish(struct xs_handle *xs, xs_transaction_t t, void *arg)
{
    const struct blkfront *front = arg;
    const char *node = front->bus.node;
    int error = xenbus_write(xs, t, node, "event-channel", "%u", front->port);
    char key[16] = "ring-ref";

    if (!error && front->order)
        error = xenbus_write(xs, t, node, "ring-page-order", "%u", front->order);
    for (unsigned int i = 0; !error && i < 1U << front->order; i++) {
        if (front->order)
            snprintf(key, sizeof(key), "ring-ref%u", i);
        error = xenbus_write(xs, t, node, key, "%u", front->refs[i]);
    }
    if (!error)
        error = xenbus_write(xs, t, node, "lasting-requests", "%d", front->may_last);
    return error ? error : xenbus_write(xs, t, node, "protocol", "%s", XEN_IO_PROTO_ABI_NATIVE);
}

static uint64_t backend_number(const struct blkfront *front, const char *key, uint64_t otherwise)
{
    uint64_t value = otherwise;

    xenbus_read_number(front->bus.xs, XBT_NULL, front->bus.other, key, UINT64_MAX, &value);
    return value;
}

/* The backend waits for our nodes. */
static int offer(struct blkfront *front)
{
    uint64_t order = backend_number(front, "max-ring-page-order", 0);
    int error;

    free_shared(front);
    front->order = order < BLKFRONT_MAX_ORDER ? (unsigned int)order : BLKFRONT_MAX_ORDER;
    front->may_last = backend_number(front, "feature-lasting-requests", 0) == 1;
    error = make_shared(front);
    if (!error)
        error = xenbus_transaction(front->bus.xs, publish, front);
    if (!error)
        error = xenbus_switch_state(&front->bus, XBT_NULL, XenbusStateInitialised);
    if (error)
        xenbus_fatal(&front->bus, error, "cannot offer a ring: %s", strerror(error));
    return error;
}

/* Sectors are counted in 512 bytes by every backend there is. */
static void read_size(struct blkfront *front)
{
    uint64_t sectors = backend_number(front, "sectors", 0);

    if (sectors != front->block.sectors)
        block_set_sectors(&front->block, sectors);
}

static void read_features(struct blkfront *front)
{
    struct block_device *block = &front->block;
    uint64_t indirect = backend_number(front, "feature-max-indirect-segments", 0);
    uint64_t size = backend_number(front, "sector-size", BLOCK_SECTOR);
    bool flush = backend_number(front, "feature-flush-cache", 0);

    front->ring.max_segments =
        indirect > BLKIF_MAX_SEGMENTS_PER_REQUEST ? BLOCK_SEGMENTS : BLKIF_MAX_SEGMENTS_PER_REQUEST;
    if (indirect > BLKIF_MAX_SEGMENTS_PER_REQUEST && indirect < BLOCK_SEGMENTS)
        front->ring.max_segments = (unsigned int)indirect;
    front->ring.flush_operation = flush ? BLKIF_OP_FLUSH_DISKCACHE : BLKIF_OP_WRITE_BARRIER;
    block->can_flush = flush || backend_number(front, "feature-barrier", 0);
    block->can_discard = backend_number(front, "feature-discard", 0);
    block->discard_granularity = (uint32_t)backend_number(front, "discard-granularity", size) / BLOCK_SECTOR;
    block->discard_max = UINT32_MAX & ~7U;
    block->sector_size = size == 4096 ? 4096 : BLOCK_SECTOR;
    block->read_only = backend_number(front, "info", 0) & VDISK_READONLY;
}

/* The backend has connected: what has waited goes out. */
static void go_live(struct blkfront *front)
{
    bool masked;

    read_features(front);
    read_size(front);
    xenbus_switch_state(&front->bus, XBT_NULL, XenbusStateConnected);
    masked = upcalls_disable();
    blkfront_ring_attach(&front->ring, front->shared, front->order);
    front->ring.may_last = front->may_last;
    front->ring.live = front->connected = true;
    evtchn_unmask(front->port);
    /* Nothing was asked yet; this only puts what waits on the ring. */
    blkfront_ring_take(&front->ring);
    kick(front);
    wait_queue_wake_all(&front->change);
    upcalls_restore(masked);
}

static void detach(struct blkfront *front)
{
    bool masked = upcalls_disable();

    front->connected = false;
    blkfront_ring_detach(&front->ring);
    upcalls_restore(masked);
}

static void disconnect(struct blkfront *front)
{
    detach(front);
    free_shared(front);
}

/* The toolstack does not want the device any more, or has removed it. */
static void give_up(struct blkfront *front)
{
    bool masked = upcalls_disable();

    front->gone = true;
    blkfront_ring_fail(&front->ring, ENODEV);
    wait_queue_wake_all(&front->change);
    upcalls_restore(masked);
}

static void backend_closed(struct blkfront *front, enum xenbus_state state)
{
    bool online = backend_number(front, "online", 0);

    if (front->bus.state != XenbusStateClosed) {
        disconnect(front);
        xenbus_switch_state(&front->bus, XBT_NULL, XenbusStateClosed);
    }
    if (!online || state == XenbusStateUnknown)
        give_up(front);
    else if (state == XenbusStateClosed)
        xenbus_switch_state(&front->bus, XBT_NULL, XenbusStateInitialising); /* it may begin anew */
}

static void backend_state(struct blkfront *front)
{
    enum xenbus_state state = xenbus_read_state(front->bus.xs, front->bus.other);
    enum xenbus_state ours = front->bus.state;

    switch (state) {
    case XenbusStateInitWait:
        if (ours == XenbusStateClosed)
            xenbus_switch_state(&front->bus, XBT_NULL, XenbusStateInitialising);
        if (ours == XenbusStateInitialising || ours == XenbusStateClosed)
            offer(front);
        break;
    case XenbusStateConnected:
        if (ours == XenbusStateInitialised)
            go_live(front);
        else if (ours == XenbusStateConnected)
            read_size(front);
        break;
    case XenbusStateClosing:
    case XenbusStateClosed:
    case XenbusStateUnknown:
        backend_closed(front, state);
        break;
    default:
        break;
    }
}

/* Follows the backend's state; ends when blkfront_close() makes the handle's last event. */
static void follow(void *arg)
{
    struct blkfront *front = arg;
    unsigned int words;
    char **event;

    while (!front->closing && (event = xs_read_watch(front->bus.xs, &words))) {
        free(event);
        if (!front->closing && !front->gone)
            backend_state(front);
    }
}

/* ---- opening and closing ---- */

/* The directory of the disk that is meant. */
static int find_node(struct xs_handle *xs, const char *name, char *node, unsigned int *id)
{
    unsigned int nr = 0, wanted = 0, found;
    char **names = xs_directory(xs, XBT_NULL, TYPE_DIR, &nr);
    bool ok = false;

    if (name && !vbd_number(name, &wanted)) {
        free(names);
        return ENODEV;
    }
    for (unsigned int i = 0; names && i < nr && !ok; i++) {
        found = (unsigned int)strtoul(names[i], NULL, 10);
        ok = !name || found == wanted;
        if (ok) {
            *id = found;
            snprintf(node, NODE_SIZE, "%s/%.20s", TYPE_DIR, names[i]);
        }
    }
    free(names);
    return ok ? 0 : ENODEV;
}

/* A kernel before us may have left the device in any state: only from a closed one it begins anew. */
static int begin(struct blkfront *front)
{
    front->bus.state = xenbus_read_state(front->bus.xs, front->bus.node);
    if (front->bus.state != XenbusStateInitialising) {
        int error = xenbus_switch_state(&front->bus, XBT_NULL, XenbusStateClosed);

        if (error)
            return error;
    }
    return xenbus_watch_other(&front->bus, "blkfront");
}

static int start(struct blkfront *front, const char *name)
{
    char node[NODE_SIZE];
    unsigned int id = 0;
    int error;

    front->bus.xs = xs_open(0);
    if (!front->bus.xs)
        return errno;
    error = find_node(front->bus.xs, name, node, &id);
    if (!error)
        error = xenbus_init_frontend(&front->bus, front->bus.xs, node);
    if (error)
        return error;
    vbd_name(id, front->block.name, sizeof(front->block.name));
    front->ring.handle = (blkif_vdev_t)id;
    front->ring.backend = front->bus.other_id;
    blkfront_pool_init(&front->ring.pool, front->bus.other_id);
    if (!blkfront_ring_init(&front->ring))
        return ENOMEM;
    error = begin(front);
    if (!error) {
        front->thread = thread_create("blkfront", follow, front, 0);
        error = front->thread ? 0 : ENOMEM;
    }
    if (error)
        blkfront_ring_free(&front->ring);
    return error;
}

int blkfront_open(const char *name, uint64_t deadline, struct block_device **device)
{
    struct blkfront *front = calloc(1, sizeof(*front));
    int error;

    if (!front)
        return ENOMEM;
    wait_queue_init(&front->change);
    front->block = (struct block_device){
        .model = "xen", .by_dma = true, .by_grant = true, .ops = &ops, .driver = front
    };
    block_init(&front->block);
    front->block.sector_size = BLOCK_SECTOR;
    error = start(front, name);
    if (error) {
        if (front->bus.xs)
            xs_close(front->bus.xs);
        free(front);
        return error;
    }
    error = wait_event_until(&front->change, front->connected || front->gone, deadline);
    if (error || front->gone) {
        blkfront_close(&front->block);
        return error ? ETIMEDOUT : ENODEV;
    }
    *device = &front->block;
    return 0;
}

/* The pages can be used for something else when the backend does not have them any more. */
static void wait_for_backend(struct blkfront *front)
{
    unsigned int without = XENBUS_STATE(XenbusStateUnknown) | XENBUS_STATE(XenbusStateInitialising) |
                           XENBUS_STATE(XenbusStateInitWait) | XENBUS_STATE(XenbusStateClosed);
    enum xenbus_state reached;

    xenbus_wait_other(&front->bus, without, time_ns() + CLOSE_TIME, &reached);
}

void blkfront_close(struct block_device *device)
{
    struct blkfront *front = (struct blkfront *)device;

    front->closing = true;
    /* A watch fires once when it is made: that wakes the thread. */
    xs_watch(front->bus.xs, front->bus.node, "closing");
    thread_join(front->thread);
    if (front->bus.state != XenbusStateClosed) {
        detach(front);
        xenbus_switch_state(&front->bus, XBT_NULL, XenbusStateClosed);
        wait_for_backend(front);
        free_shared(front);
    }
    blkfront_ring_free(&front->ring);
    blkfront_pool_end(&front->ring.pool);
    xs_close(front->bus.xs);
    free(front);
}
