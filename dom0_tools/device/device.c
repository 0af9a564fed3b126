/* SPDX-License-Identifier: MIT */
#include "dom0_tools/device/device.h"
#include "pvguest/time.h"
#include "pvguest/xenbus.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How long a backend may take to take a device up, and both ends to let go of it. */
#define ATTACH_TIME (10 * NSEC_PER_SEC)
#define DETACH_TIME (10 * NSEC_PER_SEC)

struct creation {
    const struct device *device;
    char back[DEVICE_PATH_SIZE], front[DEVICE_PATH_SIZE], libxl[DEVICE_PATH_SIZE];
    struct device_nodes backend, frontend;
};

static int __attribute__((format(printf, 4, 5)))
fail(char *out, size_t size, int error, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(out, size, format, args);
    va_end(args);
    return error;
}

void device_backend_path(const struct device *device, char path[DEVICE_PATH_SIZE])
{
    snprintf(path, DEVICE_PATH_SIZE, "/local/domain/%u/backend/%s/%u/%u", device->backend, device->type,
             device->domid, device->id);
}

void device_frontend_path(const struct device *device, char path[DEVICE_PATH_SIZE])
{
    snprintf(path, DEVICE_PATH_SIZE, "/local/domain/%u/device/%s/%u", device->domid, device->type,
             device->id);
}

void device_toolstack_path(const struct device *device, char path[DEVICE_PATH_SIZE])
{
    snprintf(path, DEVICE_PATH_SIZE, "/libxl/%u/device/%s/%u", device->domid, device->type, device->id);
}

/* Makes a directory that `owner` owns and `reader` may read. */
static int make_directory(struct xs_handle *xs, xs_transaction_t t, const char *path, domid_t owner,
                          domid_t reader)
{
    struct xs_permissions perms[] = { { .id = owner, .perms = XS_PERM_NONE },
                                      { .id = reader, .perms = XS_PERM_READ } };

    if (!xs_mkdir(xs, t, path) || !xs_set_permissions(xs, t, path, perms, 2))
        return errno;
    return 0;
}

static int remove_directory(struct xs_handle *xs, xs_transaction_t t, const char *path)
{
    return xs_rm(xs, t, path) || errno == ENOENT ? 0 : errno;
}

static int write_nodes(struct xs_handle *xs, xs_transaction_t t, const char *path, struct device_nodes nodes)
{
    int error = 0;

    for (size_t i = 0; i < nodes.nr && error == 0; i++)
        error = xenbus_write(xs, t, path, nodes.node[i].key, "%s", nodes.node[i].value);
    return error;
}

static int write_backend(struct xs_handle *xs, xs_transaction_t t, const struct creation *c, const char *path)
{
    int error = xenbus_write(xs, t, path, "frontend", "%s", c->front);

    if (error == 0)
        error = xenbus_write(xs, t, path, "frontend-id", "%u", c->device->domid);
    if (error == 0)
        error = xenbus_write(xs, t, path, "online", "1");
    if (error == 0)
        error = write_nodes(xs, t, path, c->backend);
    return error;
}

static int write_frontend(struct xs_handle *xs, xs_transaction_t t, const struct creation *c)
{
    int error = xenbus_write(xs, t, c->front, "backend", "%s", c->back);

    if (error == 0)
        error = xenbus_write(xs, t, c->front, "backend-id", "%u", c->device->backend);
    if (error == 0)
        error = write_nodes(xs, t, c->front, c->frontend);
    return error;
}

/* Both ends' directories appear at once; the states come last. */
static int create(struct xs_handle *xs, xs_transaction_t t, void *arg)
{
    const struct creation *c = arg;
    unsigned nr;
    char **there = xs_directory(xs, t, c->back, &nr);
    int error;

    free(there);
    if (there != NULL)
        return EEXIST;
    error = remove_directory(xs, t, c->front);
    if (error == 0)
        error = make_directory(xs, t, c->front, c->device->domid, c->device->backend);
    if (error == 0)
        error = make_directory(xs, t, c->back, c->device->backend, c->device->domid);
    if (error == 0)
        error = write_backend(xs, t, c, c->back);
    if (error == 0)
        error = write_frontend(xs, t, c);
    if (error == 0)
        error = write_backend(xs, t, c, c->libxl);
    if (error == 0)
        error = xenbus_write(xs, t, c->libxl, "backend", "%s", c->back);
    if (error == 0)
        error = xenbus_write(xs, t, c->front, "state", "%d", XenbusStateInitialising);
    if (error == 0)
        error = xenbus_write(xs, t, c->back, "state", "%d", XenbusStateInitialising);
    return error;
}

static int drop(struct xs_handle *xs, xs_transaction_t t, void *arg)
{
    const struct creation *c = arg;
    int error = remove_directory(xs, t, c->back);

    if (error == 0)
        error = remove_directory(xs, t, c->front);
    if (error == 0)
        error = remove_directory(xs, t, c->libxl);
    return error;
}

/* Who the backend of a device is that is there already, by the toolstack's own copy. False: no device. */
static bool find_backend(struct xs_handle *xs, struct device *device)
{
    char path[DEVICE_PATH_SIZE], *back;
    bool found;

    device_toolstack_path(device, path);
    back = xenbus_read(xs, XBT_NULL, path, "backend");
    found = back != NULL && sscanf(back, "/local/domain/%hu/", &device->backend) == 1;
    free(back);
    return found;
}

static void fill_paths(struct creation *c, const struct device *device)
{
    c->device = device;
    device_backend_path(device, c->back);
    device_frontend_path(device, c->front);
    device_toolstack_path(device, c->libxl);
}

/* Waits for the backend to reach one of the states. */
static int wait_backend(struct xs_handle *xs, const struct creation *c, unsigned states, uint64_t time,
                        enum xenbus_state *reached)
{
    struct xenbus_device front;
    int error = xenbus_init_frontend(&front, xs, c->front);

    return error != 0 ? error : xenbus_wait_other(&front, states, time_ns() + time, reached);
}

/* What the backend says is wrong, if it does. */
static int report_backend(struct xs_handle *xs, const struct creation *c, int error, char *text, size_t size)
{
    char path[DEVICE_PATH_SIZE + 32], *said;

    snprintf(path, sizeof(path), "/local/domain/%u/error/backend/%s/%u/%u", c->device->backend,
             c->device->type, c->device->domid, c->device->id);
    said = xenbus_read(xs, XBT_NULL, path, "error");
    if (said != NULL)
        fail(text, size, error, "the backend says: %s", said);
    else
        fail(text, size, error, "no backend has taken it up: %s", strerror(error));
    free(said);
    return error;
}

/* Waits until the backend has taken a new device up; removes the device if it does not. */
static int settle(struct xs_handle *xs, struct creation *c, char *error, size_t size)
{
    const unsigned ready = XENBUS_STATE(XenbusStateInitWait) | XENBUS_STATE(XenbusStateConnected);
    enum xenbus_state reached = XenbusStateUnknown;
    int result =
        wait_backend(xs, c, ready | XENBUS_STATE(XenbusStateClosing) | XENBUS_STATE(XenbusStateClosed),
                     ATTACH_TIME, &reached);

    if (result == 0 && (XENBUS_STATE(reached) & ready) != 0)
        return 0;
    report_backend(xs, c, result != 0 ? result : EIO, error, size);
    xenbus_transaction(xs, drop, c);
    return result != 0 ? result : EIO;
}

static int attach(struct xs_handle *xs, struct creation *c, char *error, size_t size)
{
    int result = xenbus_transaction(xs, create, c);

    if (result != 0)
        return fail(error, size, result, "its nodes cannot be written: %s", strerror(result));
    return settle(xs, c, error, size);
}

int device_attach(const struct device *device, struct device_nodes backend, struct device_nodes frontend,
                  char *error, size_t size)
{
    struct creation c = { .backend = backend, .frontend = frontend };
    struct xs_handle *xs = xs_open(0);
    int result;

    if (xs == NULL)
        return fail(error, size, errno, "no xenstore: %s", strerror(errno));
    fill_paths(&c, device);
    result = attach(xs, &c, error, size);
    xs_close(xs);
    return result;
}

int device_settle(struct xs_handle *xs, const struct device *device, char *error, size_t size)
{
    struct creation c = { 0 };

    fill_paths(&c, device);
    return settle(xs, &c, error, size);
}

/* As libxl asks for it: the frontend sees the backend closing, closes, and the backend ends. */
static int ask_to_close(struct xs_handle *xs, xs_transaction_t t, void *arg)
{
    const struct creation *c = arg;
    int error = xenbus_write(xs, t, c->back, "online", "0");

    return error != 0 ? error : xenbus_write(xs, t, c->back, "state", "%d", XenbusStateClosing);
}

static int detach(struct xs_handle *xs, struct creation *c, bool force, char *error, size_t size)
{
    enum xenbus_state reached;
    int result = 0;

    /* A backend whose domain has ended has nothing to close. */
    if (xenbus_read_state(xs, c->back) == XenbusStateUnknown)
        force = true;
    if (!force && xenbus_read_state(xs, c->back) != XenbusStateClosed)
        result = xenbus_transaction(xs, ask_to_close, c);
    if (!force && result == 0)
        result = wait_backend(xs, c, XENBUS_STATE(XenbusStateClosed) | XENBUS_STATE(XenbusStateUnknown),
                              DETACH_TIME, &reached);
    if (result != 0)
        return fail(error, size, result, "the domain does not let go of it: %s", strerror(result));
    result = xenbus_transaction(xs, drop, c);
    if (result != 0)
        fail(error, size, result, "its nodes cannot be removed: %s", strerror(result));
    return result;
}

int device_detach(const struct device *device, bool force, char *error, size_t size)
{
    struct device found = *device;
    struct creation c = { 0 };
    struct xs_handle *xs = xs_open(0);
    int result;

    if (xs == NULL)
        return fail(error, size, errno, "no xenstore: %s", strerror(errno));
    if (find_backend(xs, &found)) {
        fill_paths(&c, &found);
        result = detach(xs, &c, force, error, size);
    } else {
        result = fail(error, size, ENODEV, "there is no such device");
    }
    xs_close(xs);
    return result;
}

int device_for_each(const char *type, domid_t domid, void (*fn)(const struct device *device, void *arg),
                    void *arg)
{
    struct xs_handle *xs = xs_open(0);
    char path[DEVICE_PATH_SIZE], **names = NULL;
    unsigned nr = 0;
    int error = xs == NULL ? errno : 0;

    snprintf(path, sizeof(path), "/libxl/%u/device/%s", domid, type);
    if (xs != NULL)
        names = xs_directory(xs, XBT_NULL, path, &nr);
    for (unsigned i = 0; names != NULL && i < nr; i++) {
        struct device device = { .type = type, .domid = domid, .id = (unsigned)strtoul(names[i], NULL, 10) };

        if (find_backend(xs, &device))
            fn(&device, arg);
    }
    free(names);
    xs_close(xs);
    return error;
}

static bool has_name(struct xs_handle *xs, const char *domid, const char *name)
{
    char path[DEVICE_PATH_SIZE], *value;
    bool equal;

    snprintf(path, sizeof(path), "/local/domain/%s", domid);
    value = xenbus_read(xs, XBT_NULL, path, "name");
    equal = value != NULL && (strcmp(value, name) == 0 || strcmp(domid, name) == 0);
    free(value);
    return equal;
}

int device_find_backend(const char *text, domid_t *backend, char *error, size_t size)
{
    struct xs_handle *xs = xs_open(0);
    unsigned nr = 0;
    char **domids = xs == NULL ? NULL : xs_directory(xs, XBT_NULL, "/local/domain", &nr);
    bool found = false;

    for (unsigned i = 0; domids != NULL && i < nr && !found; i++) {
        found = has_name(xs, domids[i], text);
        if (found)
            *backend = (domid_t)strtoul(domids[i], NULL, 10);
    }
    free(domids);
    xs_close(xs);
    return found ? 0 : fail(error, size, ESRCH, "backend=%s: there is no such domain", text);
}
