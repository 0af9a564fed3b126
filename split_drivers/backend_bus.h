/* SPDX-License-Identifier: MIT */
/*
 * The backend side of a kind of split device: finds the devices that the toolstack has made in
 * backend/TYPE/DOMID/HANDLE, follows both ends' states, and tells a driver what to do. A frontend may come
 * and go at any time and in any state; its kernel may be replaced by another one, which begins anew.
 *
 *     frontend                      backend
 *     Initialising, or anew         (disconnect,) InitWait
 *     Initialised or Connected      connect, Connected
 *     Closing, Closed               disconnect, Closing, Closed
 *     gone                          disconnect, Closed; remove
 *
 * One thread for each kind of device; all the driver's functions are called in it.
 */
#ifndef SPLIT_DRIVERS_BACKEND_BUS_H
#define SPLIT_DRIVERS_BACKEND_BUS_H

#include "pvguest/xenbus.h"
#include <sys/queue.h>

struct backend_device {
    LIST_ENTRY(backend_device) next;
    const struct backend_driver *driver;
    struct xenbus_device bus; /* .node is ours, .other the frontend's */
    unsigned int handle;
    bool connected;
    bool failed; /* closed for an error, until the frontend begins anew */
};

struct backend_driver {
    const char *type; /* "vif" */
    size_t size;      /* of a structure that begins with a struct backend_device, and else with zeroes */

    /* A new device: write what the frontend is to know before it connects. */
    int (*probe)(struct backend_device *device);
    /* Reads the frontend's nodes, maps rings, binds event channels. On an errno nothing is left behind, and
     * xenbus_error() has said why. */
    int (*connect)(struct backend_device *device);
    /* Undoes it; the frontend and its domain may be gone. */
    void (*disconnect)(struct backend_device *device);
    /* Undoes probe(). */
    void (*remove)(struct backend_device *device);
    /* A node of the frontend has changed while connected, which the driver watches; or NULL. */
    void (*frontend_node)(struct backend_device *device, const char *path);
    /* Whether the frontend's domain still holds its end: asked when a domain has gone. */
    bool (*alive)(const struct backend_device *device);
};

/* Starts the thread. 0 or an errno. */
int backend_bus_start(const struct backend_driver *driver);

/* Ends the service of all kinds, for a domain that is about to end: frontends see their backend closing, and
 * are cut off when they have not closed by the deadline (time_ns()). What was under way is done before this
 * returns: 0, EBUSY when somebody was cut off, or another errno. No frontend connects from then on. Threads
 * only, once. */
int backend_bus_stop(uint64_t deadline);

/* The device has found its frontend at fault: an error node, state Closing; what is connected is undone soon
 * by the bus. Any thread; text is for people. */
void backend_device_fail(struct backend_device *device, const char *text);

#endif
