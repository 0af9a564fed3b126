/* SPDX-License-Identifier: MIT */
#include "pvguest/xenbus.h"
#include "pvguest/xenstore_transport.h"
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VALUE_MAX   1024
#define WATCH_TOKEN "xenbus_wait_other"

static bool join(char *path, size_t size, const char *dir, const char *key)
{
    int length = snprintf(path, size, "%s/%s", dir, key);

    if (length > 0 && (size_t)length < size)
        return true;
    errno = E2BIG;
    return false;
}

char *xenbus_read(struct xs_handle *xs, xs_transaction_t t, const char *dir, const char *key)
{
    char path[2 * XENBUS_PATH_MAX];

    return join(path, sizeof(path), dir, key) ? xs_read(xs, t, path, NULL) : NULL;
}

int xenbus_read_number(struct xs_handle *xs, xs_transaction_t t, const char *dir, const char *key,
                       uint64_t max, uint64_t *value)
{
    char *text = xenbus_read(xs, t, dir, key), *end;
    int error = EINVAL;
    uint64_t number;

    if (!text)
        return errno;
    errno = 0;
    number = strtoull(text, &end, 10);
    if (isdigit((unsigned char)*text) && !*end && !errno && number <= max) {
        *value = number;
        error = 0;
    }
    free(text);
    return error;
}

bool xenbus_read_flag(struct xs_handle *xs, xs_transaction_t t, const char *dir, const char *key,
                      bool otherwise)
{
    uint64_t value = otherwise;

    xenbus_read_number(xs, t, dir, key, UINT64_MAX, &value);
    return value != 0;
}

static int write_va(struct xs_handle *xs, xs_transaction_t t, const char *path, const char *format,
                    va_list args)
{
    char value[VALUE_MAX];
    int length = vsnprintf(value, sizeof(value), format, args);

    if (length < 0 || (size_t)length >= sizeof(value))
        return E2BIG;
    return xs_write(xs, t, path, value, (unsigned int)length) ? 0 : errno;
}

int xenbus_write(struct xs_handle *xs, xs_transaction_t t, const char *dir, const char *key,
                 const char *format, ...)
{
    char path[2 * XENBUS_PATH_MAX];
    va_list args;
    int error;

    if (!join(path, sizeof(path), dir, key))
        return errno;
    va_start(args, format);
    error = write_va(xs, t, path, format, args);
    va_end(args);
    return error;
}

int xenbus_remove(struct xs_handle *xs, xs_transaction_t t, const char *dir, const char *key)
{
    char path[2 * XENBUS_PATH_MAX];

    if (!join(path, sizeof(path), dir, key))
        return errno;
    return xs_rm(xs, t, path) || errno == ENOENT ? 0 : errno;
}

int xenbus_transaction(struct xs_handle *xs, int (*fn)(struct xs_handle *xs, xs_transaction_t t, void *arg),
                       void *arg)
{
    for (;;) {
        xs_transaction_t t = xs_transaction_start(xs);
        int error;

        if (t == XBT_NULL)
            return errno;
        error = fn(xs, t, arg);
        if (xs_transaction_end(xs, t, error != 0) || error)
            return error;
        if (errno != EAGAIN)
            return errno;
    }
}

/* Both ends name each other alike. */
static int init_device(struct xenbus_device *device, struct xs_handle *xs, const char *node, const char *path,
                       const char *id)
{
    uint64_t domid;
    char *other;
    int error = xenbus_read_number(xs, XBT_NULL, node, id, DOMID_FIRST_RESERVED - 1, &domid);

    if (error)
        return error;
    other = xenbus_read(xs, XBT_NULL, node, path);
    if (!other)
        return errno;
    if (strlen(other) >= sizeof(device->other) || strlen(node) >= sizeof(device->node)) {
        free(other);
        return E2BIG;
    }
    *device = (struct xenbus_device){ .xs = xs, .other_id = (domid_t)domid };
    strcpy(device->node, node);
    strcpy(device->other, other);
    device->state = xenbus_read_state(xs, node);
    free(other);
    return 0;
}

int xenbus_init_frontend(struct xenbus_device *device, struct xs_handle *xs, const char *node)
{
    return init_device(device, xs, node, "backend", "backend-id");
}

int xenbus_init_backend(struct xenbus_device *device, struct xs_handle *xs, const char *node)
{
    return init_device(device, xs, node, "frontend", "frontend-id");
}

enum xenbus_state xenbus_read_state(struct xs_handle *xs, const char *dir)
{
    uint64_t state = XenbusStateUnknown;

    xenbus_read_number(xs, XBT_NULL, dir, "state", XenbusStateReconfigured, &state);
    return (enum xenbus_state)state;
}

struct state_change {
    const struct xenbus_device *device;
    enum xenbus_state state;
};

/* Writing alone would make a directory anew that the toolstack has just removed. */
static int change_state(struct xs_handle *xs, xs_transaction_t t, void *arg)
{
    const struct state_change *change = arg;
    uint64_t old;
    int error = xenbus_read_number(xs, t, change->device->node, "state", XenbusStateReconfigured, &old);

    if (error == ENOENT)
        return error;
    return xenbus_write(xs, t, change->device->node, "state", "%d", change->state);
}

int xenbus_switch_state(struct xenbus_device *device, xs_transaction_t t, enum xenbus_state state)
{
    struct state_change change = { device, state };
    int error;

    if (device->state == state)
        return 0;
    error = t != XBT_NULL ? change_state(device->xs, t, &change)
                          : xenbus_transaction(device->xs, change_state, &change);
    if (!error)
        device->state = state;
    return error;
}

int xenbus_watch_other(struct xenbus_device *device, const char *token)
{
    char path[2 * XENBUS_PATH_MAX];

    if (!join(path, sizeof(path), device->other, "state"))
        return errno;
    return xs_watch(device->xs, path, token) ? 0 : errno;
}

void xenbus_unwatch_other(struct xenbus_device *device, const char *token)
{
    char path[2 * XENBUS_PATH_MAX];

    if (join(path, sizeof(path), device->other, "state"))
        xs_unwatch(device->xs, path, token);
}

int xenbus_wait_other(struct xenbus_device *device, unsigned int states, uint64_t deadline,
                      enum xenbus_state *reached)
{
    int error = xenbus_watch_other(device, WATCH_TOKEN);

    if (error)
        return error;
    for (;;) {
        char **event;
        unsigned int words;

        *reached = xenbus_read_state(device->xs, device->other);
        if (states & XENBUS_STATE(*reached))
            break;
        event = xenstore_read_watch_until(device->xs, deadline, &words);
        if (!event) {
            error = errno;
            break;
        }
        free(event);
    }
    xenbus_unwatch_other(device, WATCH_TOKEN);
    return error;
}

static bool error_path(const struct xenbus_device *device, char *path, size_t size)
{
    const char *node = device->node;

    /* A backend's directory is an absolute path: what counts is below its own domain's. */
    if (strncmp(node, "/local/domain/", 14) == 0) {
        node = strchr(node + 14, '/');
        node = node ? node + 1 : device->node;
    }
    return (size_t)snprintf(path, size, "error/%s/error", node) < size;
}

static void report_va(struct xenbus_device *device, int error, const char *format, va_list args)
{
    char path[2 * XENBUS_PATH_MAX], text[VALUE_MAX / 2];

    vsnprintf(text, sizeof(text), format, args);
    if (error_path(device, path, sizeof(path)))
        xenbus_write(device->xs, XBT_NULL, "error", path + strlen("error/"), "%d %s", error, text);
}

void xenbus_error(struct xenbus_device *device, int error, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    report_va(device, error, format, args);
    va_end(args);
}

void xenbus_fatal(struct xenbus_device *device, int error, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    report_va(device, error, format, args);
    va_end(args);
    xenbus_switch_state(device, XBT_NULL, XenbusStateClosing);
}

void xenbus_clear_error(struct xenbus_device *device)
{
    char path[2 * XENBUS_PATH_MAX];

    if (error_path(device, path, sizeof(path)))
        xs_rm(device->xs, XBT_NULL, path);
}
