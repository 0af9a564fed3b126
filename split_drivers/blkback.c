/* SPDX-License-Identifier: MIT */
#include "split_drivers/blkback.h"
#include "pvguest/hypercall.h"
#include "split_drivers/backend_bus.h"
#include "split_drivers/blkback_io.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GRANT_MAX UINT32_MAX

struct blkback {
    struct backend_device bus; /* first: one is found by the other */
    struct blkback_disk disk;
    bool write;
    struct worker_task resize;
    struct block_listener listener;
};

/* What the frontend's nodes say about its rings. */
struct parameters {
    enum blkif_abi abi;
    enum blkback_keep keep;
    unsigned int order, nr_queues;
};

static const struct blkback_source *source;
static bool offer_persistent;

/* ---- what the frontend is told ---- */

struct feature {
    const char *key;
    unsigned long value;
};

static int write_features(struct xs_handle *xs, xs_transaction_t t, void *arg)
{
    struct blkback *blkback = arg;
    const struct block_device *device = blkback->disk.device;
    bool discard = device->can_discard && blkback->write &&
                   xenbus_read_flag(xs, t, blkback->bus.bus.node, "discard-enable", true);
    const struct feature features[] = {
        { "feature-flush-cache", device->can_flush },
        { "feature-barrier", device->can_flush },
        { "feature-persistent", offer_persistent },
        { "feature-lasting-requests", 1 },
        { "feature-max-indirect-segments", BLKIF_SEGMENTS },
        { "max-ring-page-order", BLKBACK_MAX_ORDER },
        { "max-ring-pages", 1U << BLKBACK_MAX_ORDER },
        { "multi-queue-max-queues", BLKBACK_MAX_QUEUES },
        { "feature-discard", discard },
        { "discard-granularity", device->discard_granularity * BLOCK_SECTOR },
        { "discard-alignment", 0 },
        { "discard-secure", 0 },
    };
    size_t count = sizeof(features) / sizeof(features[0]) - (discard ? 0 : 3);

    for (size_t i = 0; i < count; i++) {
        int error = xenbus_write(xs, t, blkback->bus.bus.node, features[i].key, "%lu", features[i].value);

        if (error)
            return error;
    }
    return xenbus_write(xs, t, blkback->bus.bus.node, "hotplug-status", "connected");
}

/* Sectors count 512 bytes, whatever the sector size is: so do Linux's frontend and backend. */
static int write_size(struct xs_handle *xs, xs_transaction_t t, void *arg)
{
    struct blkback *blkback = arg;
    const struct block_device *device = blkback->disk.device;
    const struct feature nodes[] = {
        { "sectors", device->sectors },
        { "sector-size", device->sector_size },
        { "physical-sector-size", device->sector_size },
        { "info", blkback->write ? 0 : VDISK_READONLY },
    };

    for (size_t i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++) {
        int error = xenbus_write(xs, t, blkback->bus.bus.node, nodes[i].key, "%lu", nodes[i].value);

        if (error)
            return error;
    }
    return 0;
}

/* The size, and our state once more: frontends look at the size again when it is written. */
static int announce_size(struct xs_handle *xs, xs_transaction_t t, void *arg)
{
    struct blkback *blkback = arg;
    int error = write_size(xs, t, arg);

    return error ? error : xenbus_write(xs, t, blkback->bus.bus.node, "state", "%d", XenbusStateConnected);
}

static void resize(struct worker_task *task)
{
    struct blkback *blkback = (struct blkback *)((char *)task - offsetof(struct blkback, resize));

    if (blkback->bus.connected)
        xenbus_transaction(blkback->bus.bus.xs, announce_size, blkback);
}

static void device_resized(void *arg)
{
    struct blkback *blkback = arg;

    worker_schedule(&blkback_worker, &blkback->resize);
}

/* ---- the device comes and goes ---- */

static void disk_failed(struct blkback_disk *disk)
{
    struct blkback *blkback = (struct blkback *)((char *)disk - offsetof(struct blkback, disk));

    backend_device_fail(&blkback->bus, disk->broken);
}

static int open_device(struct blkback *blkback)
{
    struct xenbus_device *bus = &blkback->bus.bus;
    char *params = xenbus_read(bus->xs, XBT_NULL, bus->node, "params");
    char *type = xenbus_read(bus->xs, XBT_NULL, bus->node, "type");
    char *mode = xenbus_read(bus->xs, XBT_NULL, bus->node, "mode");
    int error = EINVAL;

    if (params && type && mode) {
        blkback->write = mode[0] == 'w';
        blkback->disk.device = source->open(type, params, blkback->write, &error);
    }
    if (!blkback->disk.device)
        xenbus_fatal(bus, error, "cannot open '%s': %s", params ? params : "", strerror(error));
    free(params);
    free(type);
    free(mode);
    return blkback->disk.device ? 0 : error;
}

static int probe(struct backend_device *device)
{
    struct blkback *blkback = (struct blkback *)device;
    int error = open_device(blkback);

    if (error)
        return error;
    error = xenbus_transaction(device->bus.xs, write_features, blkback);
    if (error) {
        source->close(blkback->disk.device, blkback->write);
        return error;
    }
    blkback->disk.domid = device->bus.other_id;
    blkback->disk.read_only = !blkback->write;
    blkback->disk.failed = disk_failed;
    blkback->resize.run = resize;
    blkback->listener = (struct block_listener){ .resized = device_resized, .arg = blkback };
    block_listen(blkback->disk.device, &blkback->listener);
    return 0;
}

static void cancel_resize(void *arg)
{
    worker_cancel(&blkback_worker, arg);
}

static void remove_device(struct backend_device *device)
{
    struct blkback *blkback = (struct blkback *)device;

    block_unlisten(blkback->disk.device, &blkback->listener);
    worker_call(&blkback_worker, cancel_resize, &blkback->resize);
    source->close(blkback->disk.device, blkback->write);
}

/* ---- the frontend comes and goes ---- */

/* A number that the frontend may have written; absent is no error. */
static int read_optional(struct xenbus_device *bus, const char *key, uint64_t max, uint64_t *value)
{
    int error = xenbus_read_number(bus->xs, XBT_NULL, bus->other, key, max, value);

    if (error && error != ENOENT)
        xenbus_error(bus, error, "%s/%s is no number from 0 to %lu", bus->other, key, (unsigned long)max);
    return error == ENOENT ? 0 : error;
}

static int read_parameters(struct xenbus_device *bus, struct parameters *parameters)
{
    char *protocol = xenbus_read(bus->xs, XBT_NULL, bus->other, "protocol");
    uint64_t order = 0, queues = 1, persistent = 0, lasting = 0;
    bool known = blkif_parse_abi(protocol, &parameters->abi);
    int error;

    if (!known)
        xenbus_error(bus, EINVAL, "%s/protocol is '%s'; x86_64-abi and x86_32-abi are served", bus->other,
                     protocol);
    free(protocol);
    if (!known)
        return EINVAL;
    error = read_optional(bus, "ring-page-order", BLKBACK_MAX_ORDER, &order);
    if (!error)
        error = read_optional(bus, "multi-queue-num-queues", BLKBACK_MAX_QUEUES, &queues);
    if (!error)
        error = read_optional(bus, "feature-persistent", 1, &persistent);
    if (!error)
        error = read_optional(bus, "lasting-requests", 1, &lasting);
    if (error)
        return error;
    parameters->order = (unsigned int)order;
    parameters->nr_queues = queues ? (unsigned int)queues : 1;
    parameters->keep = lasting                          ? BLKBACK_KEEP_LASTING
                       : persistent && offer_persistent ? BLKBACK_KEEP_ALL
                                                        : BLKBACK_KEEP_NONE;
    return 0;
}

static int read_ring(struct xenbus_device *bus, const char *dir, unsigned int pages, grant_ref_t *refs,
                     evtchn_port_t *port)
{
    uint64_t value;
    char key[16] = "ring-ref";

    for (unsigned int i = 0; i < pages; i++) {
        int error;

        if (pages > 1)
            snprintf(key, sizeof(key), "ring-ref%u", i);
        error = xenbus_read_number(bus->xs, XBT_NULL, dir, key, GRANT_MAX, &value);
        if (error) {
            xenbus_error(bus, error, "%s/%s is no grant reference", dir, key);
            return error;
        }
        refs[i] = (grant_ref_t)value;
    }
    if (xenbus_read_number(bus->xs, XBT_NULL, dir, "event-channel", UINT32_MAX, &value)) {
        xenbus_error(bus, EINVAL, "%s/event-channel is no port", dir);
        return EINVAL;
    }
    *port = (evtchn_port_t)value;
    return 0;
}

static int add_queue(struct blkback *blkback, const struct parameters *parameters, unsigned int number)
{
    struct xenbus_device *bus = &blkback->bus.bus;
    unsigned int pages = 1U << parameters->order;
    grant_ref_t refs[1U << BLKBACK_MAX_ORDER];
    char dir[XENBUS_PATH_MAX + 16];
    evtchn_port_t port;
    int error;

    if (parameters->nr_queues > 1)
        snprintf(dir, sizeof(dir), "%s/queue-%u", bus->other, number);
    else
        snprintf(dir, sizeof(dir), "%s", bus->other);
    error = read_ring(bus, dir, pages, refs, &port);
    if (error)
        return error;
    error = blkback_io_add_queue(&blkback->disk, refs, pages, parameters->abi, port);
    if (error)
        xenbus_error(bus, error, "cannot map the ring or bind the event channel of %s: %s", dir,
                     strerror(error));
    return error;
}

static int connect(struct backend_device *device)
{
    struct blkback *blkback = (struct blkback *)device;
    struct parameters parameters;
    int error = read_parameters(&device->bus, &parameters);

    if (error)
        return error;
    error = blkback_io_init(&blkback->disk, parameters.keep);
    if (error) {
        xenbus_error(&device->bus, error, "no memory");
        return error;
    }
    for (unsigned int i = 0; !error && i < parameters.nr_queues; i++)
        error = add_queue(blkback, &parameters, i);
    if (!error)
        error = xenbus_transaction(device->bus.xs, write_size, blkback);
    if (error)
        blkback_io_stop(&blkback->disk);
    else
        blkback_io_run(&blkback->disk);
    return error;
}

static void disconnect(struct backend_device *device)
{
    blkback_io_stop(&((struct blkback *)device)->disk);
}

/* A port whose other end has gone is unbound again. */
static bool alive(const struct backend_device *device)
{
    const struct blkback *blkback = (const struct blkback *)device;
    struct evtchn_status status = { .dom = DOMID_SELF, .port = blkback->disk.queues[0].port };

    return !hypercall_event_channel_op(EVTCHNOP_status, &status) && status.status == EVTCHNSTAT_interdomain;
}

static const struct backend_driver driver = {
    .type = "vbd",
    .size = sizeof(struct blkback),
    .probe = probe,
    .connect = connect,
    .disconnect = disconnect,
    .remove = remove_device,
    .alive = alive,
};

int blkback_start(const struct blkback_source *from, bool persistent)
{
    source = from;
    offer_persistent = persistent;
    if (!blkback_io_start())
        return ENOMEM;
    return backend_bus_start(&driver);
}
