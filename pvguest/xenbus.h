/* SPDX-License-Identifier: MIT */
/*
 * Split devices in xenstore, seen from one end, frontend or backend: their nodes, the state of either end
 * (<xen/io/xenbus.h>), transactions, reports of errors. Built on <xenstore.h> alone; threads only.
 *
 * Functions return 0 or an errno of <errno.h> unless they say otherwise.
 */
#ifndef PVGUEST_XENBUS_H
#define PVGUEST_XENBUS_H

#include <stdbool.h>
#include <stdint.h>
#include <xenstore.h>
#include <xen/xen.h>
#include <xen/io/xenbus.h>

#define XENBUS_PATH_MAX 128

/* ---- nodes: `key` below the directory `dir`; both are joined with a slash ---- */

/* The value, with a NUL behind it and allocated; NULL with errno set (ENOENT: there is none). */
char *xenbus_read(struct xs_handle *xs, xs_transaction_t t, const char *dir, const char *key);

/* A decimal number from 0 to max. ENOENT; EINVAL: it is something else, or larger. *value is only changed on
 * success, so that it may hold the default. */
int xenbus_read_number(struct xs_handle *xs, xs_transaction_t t, const char *dir, const char *key,
                       uint64_t max, uint64_t *value);

/* A node that says whether there is a feature: any number but 0; `otherwise` if it is not there or malformed.
 */
bool xenbus_read_flag(struct xs_handle *xs, xs_transaction_t t, const char *dir, const char *key,
                      bool otherwise);

/* The text, at most 1023 characters, without a NUL at its end. E2BIG. */
int xenbus_write(struct xs_handle *xs, xs_transaction_t t, const char *dir, const char *key,
                 const char *format, ...) __attribute__((format(printf, 5, 6)));

/* Removes the node and what is below it; one that is not there is no error. */
int xenbus_remove(struct xs_handle *xs, xs_transaction_t t, const char *dir, const char *key);

/* Runs fn in a transaction, again while others interfere. What fn returns, if it is not 0, aborts it and is
 * returned; fn must not keep anything from a run that is repeated. */
int xenbus_transaction(struct xs_handle *xs, int (*fn)(struct xs_handle *xs, xs_transaction_t t, void *arg),
                       void *arg);

/* ---- devices ---- */

struct xenbus_device {
    struct xs_handle *xs;        /* not closed here */
    char node[XENBUS_PATH_MAX];  /* our directory */
    char other[XENBUS_PATH_MAX]; /* the other end's */
    domid_t other_id;
    enum xenbus_state state; /* ours */
};

/* Fills in a device from its directory: the frontend's `device/vif/0` has `backend` and `backend-id`, the
 * backend's has `frontend` and `frontend-id`. */
int xenbus_init_frontend(struct xenbus_device *device, struct xs_handle *xs, const char *node);
int xenbus_init_backend(struct xenbus_device *device, struct xs_handle *xs, const char *node);

/* The state of whose directory that is; XenbusStateUnknown if there is none or it is malformed. */
enum xenbus_state xenbus_read_state(struct xs_handle *xs, const char *dir);

/* Sets our state, in the transaction t if there is one. A device whose directory is gone stays so: ENOENT. */
int xenbus_switch_state(struct xenbus_device *device, xs_transaction_t t, enum xenbus_state state);

/* Watches the other end's state, which fires once at the beginning, and ends that. */
int xenbus_watch_other(struct xenbus_device *device, const char *token);
void xenbus_unwatch_other(struct xenbus_device *device, const char *token);

/* Waits until the other end is in one of `states` (a mask of XENBUS_STATE bits) or until the deadline
 * (time_ns()): ETIMEDOUT. Takes the handle's watch events, which must all be of no other use. */
#define XENBUS_STATE(state) (1U << (state))
int xenbus_wait_other(struct xenbus_device *device, unsigned int states, uint64_t deadline,
                      enum xenbus_state *reached);

/* Says what is wrong with the device in the node error/NODE/error of our domain: "ERRNO TEXT". */
void xenbus_error(struct xenbus_device *device, int error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same, and our state becomes XenbusStateClosing. */
void xenbus_fatal(struct xenbus_device *device, int error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Takes the report back, for a device that works again. */
void xenbus_clear_error(struct xenbus_device *device);

#endif
