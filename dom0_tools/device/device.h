/* SPDX-License-Identifier: MIT */
/*
 * Split devices as the toolstack makes and removes them: their directories in xenstore, as libxl writes them,
 *     /local/domain/BACKEND/backend/TYPE/DOMID/ID   the backend's
 *     /local/domain/DOMID/device/TYPE/ID            the frontend's
 *     /libxl/DOMID/device/TYPE/ID                   the toolstack's own copy
 * The backend is this domain, or another one (a driver domain). Functions return 0, or an errno with a
 * sentence in `error`. Threads only.
 */
#ifndef DOM0_DEVICE_DEVICE_H
#define DOM0_DEVICE_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <xenstore.h>
#include <xen/xen.h>

#define DEVICE_PATH_SIZE  96
#define DEVICE_ERROR_SIZE 256

struct device {
    const char *type; /* "vbd", "vif" */
    domid_t domid;    /* the frontend's */
    unsigned id;      /* the frontend's name for it; unique for its type and domain */
    domid_t backend;  /* whose the other end is; only device_attach() needs to be told */
};

/* A node below a directory. */
struct device_node {
    const char *key;
    const char *value;
};

struct device_nodes {
    const struct device_node *node;
    size_t nr;
};

/* What stands in the ends' directories beside what every device has, and waits until the backend has taken
 * the device up. EEXIST: there is such a device. When the backend refuses, nothing is left. */
int device_attach(const struct device *device, struct device_nodes backend, struct device_nodes frontend,
                  char *error, size_t size);

/* The same for a device whose nodes have been written: waits, and leaves nothing if the backend refuses. */
int device_settle(struct xs_handle *xs, const struct device *device, char *error, size_t size);

/* Asks both ends to close and removes the device; by force after some seconds, or at once if `force`. */
int device_detach(const struct device *device, bool force, char *error, size_t size);

/* The domain that `backend=` names, or whose number it is. 0, or ESRCH with a sentence. */
int device_find_backend(const char *text, domid_t *backend, char *error, size_t size);

/* Calls fn for each device of a type that the domain has. 0 or an errno. */
int device_for_each(const char *type, domid_t domid, void (*fn)(const struct device *device, void *arg),
                    void *arg);

/* The directories. */
void device_backend_path(const struct device *device, char path[DEVICE_PATH_SIZE]);
void device_frontend_path(const struct device *device, char path[DEVICE_PATH_SIZE]);
void device_toolstack_path(const struct device *device, char path[DEVICE_PATH_SIZE]);

#endif
