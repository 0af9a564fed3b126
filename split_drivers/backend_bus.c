/* SPDX-License-Identifier: MIT */
#include "split_drivers/backend_bus.h"
#include "pvguest/memory.h"
#include "pvguest/sync.h"
#include "pvguest/thread.h"
#include "pvguest/time.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOG_WINDOW     (10 * NSEC_PER_SEC)
#define LOG_LINES      20
#define TOKEN_TREE     "backend"
#define TOKEN_RELEASE  "release"
#define TOKEN_FRONTEND "frontend/" /* and the device: DOMID/HANDLE */

LIST_HEAD(device_list, backend_device);

struct bus {
    const struct backend_driver *driver;
    struct xs_handle *xs;
    struct device_list devices;
    char root[32]; /* backend/TYPE */
};

/* The end of all service: nothing connects any more, then what is connected is cut off. */
static struct mutex service_lock = MUTEX_INITIALIZER(service_lock);
static struct cond service_idle = COND_INITIALIZER(service_idle);
static unsigned int nr_connected; /* or about to be */
static bool service_ends, cut_off;

/* Counts a device that is about to connect; false when none may. */
static bool service_enter(void)
{
    bool ok;

    mutex_lock(&service_lock);
    ok = !service_ends;
    nr_connected += ok;
    mutex_unlock(&service_lock);
    return ok;
}

static void service_leave(void)
{
    mutex_lock(&service_lock);
    if (--nr_connected == 0)
        cond_signal(&service_idle);
    mutex_unlock(&service_lock);
}

static struct backend_device *find(struct bus *bus, unsigned int domid, unsigned int handle)
{
    struct backend_device *device;

    LIST_FOREACH(device, &bus->devices, next)
    {
        if (device->bus.other_id == domid && device->handle == handle)
            return device;
    }
    return NULL;
}

static void frontend_token(const struct backend_device *device, char *token, size_t size)
{
    snprintf(token, size, TOKEN_FRONTEND "%u/%u", device->bus.other_id, device->handle);
}

/* ---- the states ---- */

static void disconnect(struct backend_device *device)
{
    if (!device->connected)
        return;
    device->connected = false;
    device->driver->disconnect(device);
    service_leave();
}

static void connect(struct backend_device *device)
{
    int error;

    if (device->connected || device->failed || !service_enter())
        return;
    error = device->driver->connect(device);
    if (error) {
        service_leave();
        device->failed = true;
        xenbus_switch_state(&device->bus, XBT_NULL, XenbusStateClosing);
        return;
    }
    device->connected = true;
    xenbus_clear_error(&device->bus);
    xenbus_switch_state(&device->bus, XBT_NULL, XenbusStateConnected);
}

/* Outside the toolstack's own domain the backend removes a device that is not wanted any more; libxl waits
 * for that. */
static void retire(struct backend_device *device)
{
    struct xenbus_device *bus = &device->bus;

    if (!(start_info->flags & SIF_INITDOMAIN) &&
        !xenbus_read_flag(bus->xs, XBT_NULL, bus->node, "online", true))
        xs_rm(bus->xs, XBT_NULL, bus->node);
}

static void close_down(struct backend_device *device, enum xenbus_state state)
{
    disconnect(device);
    xenbus_switch_state(&device->bus, XBT_NULL, state);
    if (state == XenbusStateClosed)
        retire(device);
}

static void frontend_state(struct backend_device *device)
{
    switch (xenbus_read_state(device->bus.xs, device->bus.other)) {
    case XenbusStateInitialising:
        disconnect(device);
        device->failed = false;
        xenbus_switch_state(&device->bus, XBT_NULL, XenbusStateInitWait);
        break;
    case XenbusStateInitialised:
    case XenbusStateConnected:
        connect(device);
        break;
    case XenbusStateClosing:
        close_down(device, XenbusStateClosing);
        break;
    case XenbusStateClosed:
    case XenbusStateUnknown:
        close_down(device, XenbusStateClosed);
        break;
    default:
        break;
    }
}

/* The toolstack, or backend_bus_stop(), asks for the device's end by our own state; a frontend that is there
 * closes first. */
static void own_state(struct backend_device *device)
{
    enum xenbus_state state = xenbus_read_state(device->bus.xs, device->bus.node);
    enum xenbus_state frontend = xenbus_read_state(device->bus.xs, device->bus.other);

    if (device->failed)
        disconnect(device);
    if (state == XenbusStateClosed)
        retire(device);
    if (state != XenbusStateClosing || (device->bus.state == XenbusStateClosing && !cut_off))
        return;
    device->bus.state = state;
    if (cut_off || (frontend != XenbusStateConnected && frontend != XenbusStateInitialised))
        close_down(device, XenbusStateClosed);
}

/* ---- devices that come and go ---- */

static int watch_frontend(struct backend_device *device)
{
    char token[48];

    frontend_token(device, token, sizeof(token));
    return xs_watch(device->bus.xs, device->bus.other, token) ? 0 : errno;
}

static void remove_device(struct backend_device *device)
{
    char token[48];

    disconnect(device);
    frontend_token(device, token, sizeof(token));
    xs_unwatch(device->bus.xs, device->bus.other, token);
    device->driver->remove(device);
    LIST_REMOVE(device, next);
    free(device);
}

/* The directory's name says whose device it is; what stands in it must agree. */
static int init_device(struct bus *bus, struct backend_device *device, unsigned int domid,
                       unsigned int handle)
{
    char node[XENBUS_PATH_MAX];
    int error;

    snprintf(node, sizeof(node), "%s/%u/%u", bus->root, domid, handle);
    error = xenbus_init_backend(&device->bus, bus->xs, node);
    if (error)
        return error;
    device->driver = bus->driver;
    device->handle = handle;
    return device->bus.other_id == domid ? bus->driver->probe(device) : EINVAL;
}

static void add_device(struct bus *bus, unsigned int domid, unsigned int handle)
{
    struct backend_device *device = calloc(1, bus->driver->size);
    int error = device ? init_device(bus, device, domid, handle) : ENOMEM;

    if (error) {
        fprintf(stderr, "%s %u/%u: no backend: %s\n", bus->driver->type, domid, handle, strerror(error));
        free(device);
        return;
    }
    LIST_INSERT_HEAD(&bus->devices, device, next);
    error = watch_frontend(device);
    if (error) {
        fprintf(stderr, "%s %u/%u: no watch: %s\n", bus->driver->type, domid, handle, strerror(error));
        remove_device(device);
    }
}

static void look_at_device(struct bus *bus, unsigned int domid, unsigned int handle)
{
    struct backend_device *device = find(bus, domid, handle);
    char node[XENBUS_PATH_MAX];
    enum xenbus_state state;

    snprintf(node, sizeof(node), "%s/%u/%u", bus->root, domid, handle);
    state = xenbus_read_state(bus->xs, node);
    /* In its first state again: it is another one of the same name. */
    if (device && (state == XenbusStateUnknown ||
                   (state == XenbusStateInitialising && device->bus.state != XenbusStateInitialising))) {
        remove_device(device);
        device = NULL;
    }
    if (device)
        own_state(device);
    else if (state == XenbusStateInitialising)
        add_device(bus, domid, handle);
}

/* ---- events ---- */

static void for_each_child(struct bus *bus, const char *path, void (*fn)(struct bus *bus, const char *path))
{
    unsigned int nr;
    char **children = xs_directory(bus->xs, XBT_NULL, path, &nr);

    for (unsigned int i = 0; children && i < nr; i++) {
        char child[XENBUS_PATH_MAX];

        if ((size_t)snprintf(child, sizeof(child), "%s/%s", path, children[i]) < sizeof(child))
            fn(bus, child);
    }
    free(children);
}

/* After a whole subtree has gone, there is no event for each device in it. */
static void look_for_removed(struct bus *bus)
{
    struct backend_device *device = LIST_FIRST(&bus->devices);

    while (device) {
        struct backend_device *following = LIST_NEXT(device, next);

        if (xenbus_read_state(bus->xs, device->bus.node) == XenbusStateUnknown)
            remove_device(device);
        device = following;
    }
}

/* A path below our root: of one device, of something in it, or of more than one. */
static void look_at_path(struct bus *bus, const char *path)
{
    const char *below = path + strlen(bus->root);
    unsigned int domid, handle;
    int length = 0;

    if (sscanf(below, "/%u/%u%n", &domid, &handle, &length) != 2)
        for_each_child(bus, path, look_at_path);
    else if (!below[length] || strcmp(below + length, "/state") == 0 ||
             strcmp(below + length, "/online") == 0)
        look_at_device(bus, domid, handle);
}

static void tree_event(struct bus *bus, const char *path)
{
    unsigned int domid, handle;

    if (sscanf(path + strlen(bus->root), "/%u/%u", &domid, &handle) != 2)
        look_for_removed(bus);
    look_at_path(bus, path);
}

static void domain_gone(struct bus *bus)
{
    struct backend_device *device;

    LIST_FOREACH(device, &bus->devices, next)
    {
        if (device->connected && !device->driver->alive(device))
            close_down(device, XenbusStateClosed);
    }
}

static void frontend_event(struct bus *bus, const char *path, const char *which)
{
    struct backend_device *device;
    unsigned int domid, handle;
    size_t length;

    if (sscanf(which, "%u/%u", &domid, &handle) != 2)
        return;
    device = find(bus, domid, handle);
    if (!device)
        return;
    length = strlen(device->bus.other);
    if (!path[length] || strcmp(path + length, "/state") == 0)
        frontend_state(device);
    else if (device->connected && device->driver->frontend_node)
        device->driver->frontend_node(device, path + length + 1);
}

static void dispatch(struct bus *bus, const char *path, const char *token)
{
    if (strncmp(token, TOKEN_FRONTEND, strlen(TOKEN_FRONTEND)) == 0) {
        frontend_event(bus, path, token + strlen(TOKEN_FRONTEND));
    } else if (strcmp(token, TOKEN_RELEASE) == 0) {
        domain_gone(bus);
    } else {
        tree_event(bus, path);
    }
}

static void run(void *arg)
{
    struct bus *bus = arg;
    unsigned int words;
    char **event;

    while ((event = xs_read_watch(bus->xs, &words))) {
        dispatch(bus, event[XS_WATCH_PATH], event[XS_WATCH_TOKEN]);
        free(event);
    }
    fprintf(stderr, "%s: backends end: %s\n", bus->driver->type, strerror(errno));
}

int backend_bus_start(const struct backend_driver *driver)
{
    struct bus *bus = calloc(1, sizeof(*bus));
    struct thread *thread;

    if (!bus)
        return ENOMEM;
    bus->driver = driver;
    LIST_INIT(&bus->devices);
    snprintf(bus->root, sizeof(bus->root), "backend/%s", driver->type);
    bus->xs = xs_open(0);
    if (!bus->xs || !xs_watch(bus->xs, bus->root, TOKEN_TREE) ||
        !xs_watch(bus->xs, "@releaseDomain", TOKEN_RELEASE)) {
        int error = errno;

        xs_close(bus->xs);
        free(bus);
        return error;
    }
    thread = thread_create(driver->type, run, bus, 0);
    if (!thread) {
        xs_close(bus->xs);
        free(bus);
        return ENOMEM;
    }
    thread_detach(thread);
    return 0;
}

/* ---- the end of all service ---- */

static void ask_device(struct bus *bus, const char *path)
{
    struct xenbus_device device = { .xs = bus->xs };

    snprintf(device.node, sizeof(device.node), "%s", path);
    xenbus_switch_state(&device, XBT_NULL, XenbusStateClosing);
}

static void ask_domain(struct bus *bus, const char *path)
{
    for_each_child(bus, path, ask_device);
}

static void ask_kind(struct bus *bus, const char *path)
{
    for_each_child(bus, path, ask_domain);
}

/* Asks all devices to close, and waits. False: some have not by the deadline. */
static bool ask_all(struct bus *bus, uint64_t deadline)
{
    bool idle;

    for_each_child(bus, TOKEN_TREE, ask_kind);
    mutex_lock(&service_lock);
    while (nr_connected && cond_wait_until(&service_idle, &service_lock, deadline) == 0)
        ;
    idle = !nr_connected;
    mutex_unlock(&service_lock);
    return idle;
}

int backend_bus_stop(uint64_t deadline)
{
    struct bus bus = { .xs = xs_open(0) };
    int error = 0;

    if (!bus.xs)
        return errno;
    mutex_lock(&service_lock);
    service_ends = true;
    mutex_unlock(&service_lock);
    if (!ask_all(&bus, deadline)) {
        cut_off = true;
        ask_all(&bus, TIME_NEVER);
        error = EBUSY;
    }
    xs_close(bus.xs);
    return error;
}

/* A guest can fail as often as it likes: of many lines in a short time the rest is left out. */
static bool may_log(void)
{
    static uint64_t window;
    static unsigned int lines;
    uint64_t now = time_ns();

    if (now - window > LOG_WINDOW) {
        window = now;
        lines = 0;
    }
    return lines++ < LOG_LINES;
}

void backend_device_fail(struct backend_device *device, const char *text)
{
    device->failed = true;
    if (may_log())
        fprintf(stderr, "%s %u/%u: closed: %s\n", device->driver->type, device->bus.other_id, device->handle,
                text);
    xenbus_fatal(&device->bus, EINVAL, "%s", text);
}
