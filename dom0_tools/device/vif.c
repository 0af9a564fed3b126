/* SPDX-License-Identifier: MIT */
#include "dom0_tools/device/vif.h"
#include "pvguest/xenbus.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TYPE           "vif"
#define DEFAULT_BRIDGE "xenbr0"
#define DEFAULT_SCRIPT "/etc/xen/scripts/vif-bridge"

/* The three directories of a device. */
struct vif_nodes {
    char frontend[DEVICE_PATH_SIZE], backend[DEVICE_PATH_SIZE], libxl[DEVICE_PATH_SIZE];
};

static struct vif_nodes nodes_of(const struct device *device)
{
    struct vif_nodes nodes;

    device_frontend_path(device, nodes.frontend);
    device_backend_path(device, nodes.backend);
    device_toolstack_path(device, nodes.libxl);
    return nodes;
}

static bool fail(char *error, size_t size, const char *what, int number)
{
    snprintf(error, size, "%s: %s", what, strerror(number));
    return false;
}

/* ---- attach ---- */

struct attach {
    struct device device;
    const struct vif_config *config;
    char mac[20];
};

static int put(struct xs_handle *xs, xs_transaction_t t, const char *dir, const char *key, const char *value)
{
    return xenbus_write(xs, t, dir, key, "%s", value);
}

/* A directory, its owner, and who may read in it besides. */
static int make_dir(struct xs_handle *xs, xs_transaction_t t, const char *dir, domid_t owner, domid_t reader)
{
    struct xs_permissions perms[] = { { .id = owner, .perms = XS_PERM_NONE },
                                      { .id = reader, .perms = XS_PERM_READ } };

    return xs_mkdir(xs, t, dir) && xs_set_permissions(xs, t, dir, perms, 2) ? 0 : errno;
}

static int write_frontend(struct xs_handle *xs, xs_transaction_t t, const struct attach *attach,
                          const struct vif_nodes *nodes)
{
    int error = make_dir(xs, t, nodes->frontend, attach->device.domid, attach->device.backend);

    if (error == 0)
        error = put(xs, t, nodes->frontend, "backend", nodes->backend);
    if (error == 0)
        error = xenbus_write(xs, t, nodes->frontend, "backend-id", "%u", attach->device.backend);
    if (error == 0)
        error = xenbus_write(xs, t, nodes->frontend, "handle", "%u", attach->device.id);
    if (error == 0)
        error = put(xs, t, nodes->frontend, "mac", attach->mac);
    if (error == 0)
        error = put(xs, t, nodes->frontend, "trusted", attach->config->trusted ? "1" : "0");
    if (error == 0 && attach->config->mtu != 0)
        error = xenbus_write(xs, t, nodes->frontend, "mtu", "%u", attach->config->mtu);
    return error == 0 ? put(xs, t, nodes->frontend, "state", "1") : error;
}

/* What stands in the backend's directory and once more in libxl's. */
static int write_backend_copy(struct xs_handle *xs, xs_transaction_t t, const struct attach *attach,
                              const struct vif_nodes *nodes, const char *dir)
{
    const struct vif_config *config = attach->config;
    const struct {
        const char *key, *value;
    } node[] = {
        { "frontend", nodes->frontend },
        { "online", "1" },
        { "script", config->script[0] != '\0' ? config->script : DEFAULT_SCRIPT },
        { "mac", attach->mac },
        { "bridge", config->bridge[0] != '\0' ? config->bridge : DEFAULT_BRIDGE },
        { "type", config->emulated ? "vif_ioemu" : "vif" },
        { "hotplug-status", "" },
        { "state", "1" },
    };
    int error = xenbus_write(xs, t, dir, "frontend-id", "%u", attach->device.domid);

    for (size_t i = 0; i < sizeof(node) / sizeof(node[0]) && error == 0; i++)
        error = put(xs, t, dir, node[i].key, node[i].value);
    if (error == 0)
        error = xenbus_write(xs, t, dir, "handle", "%u", attach->device.id);
    if (error == 0 && config->ip[0] != '\0')
        error = put(xs, t, dir, "ip", config->ip);
    if (error == 0 && config->name[0] != '\0')
        error = put(xs, t, dir, "vifname", config->name);
    if (error == 0 && config->mtu != 0)
        error = xenbus_write(xs, t, dir, "mtu", "%u", config->mtu);
    if (error == 0 && config->rate_bytes != 0)
        error = xenbus_write(xs, t, dir, "rate", "%llu,%u", (unsigned long long)config->rate_bytes,
                             config->rate_interval_us);
    return error;
}

static bool is_there(struct xs_handle *xs, xs_transaction_t t, const char *dir)
{
    char *state = xenbus_read(xs, t, dir, "state");

    free(state);
    return state != NULL;
}

/* Chooses the number in the transaction, so that two that attach at once get two. */
static int write_nodes(struct xs_handle *xs, xs_transaction_t t, void *arg)
{
    struct attach *attach = arg;
    struct vif_nodes nodes;
    int error;

    attach->device.id = attach->config->devid < 0 ? 0 : (unsigned)attach->config->devid;
    nodes = nodes_of(&attach->device);
    while (attach->config->devid < 0 && is_there(xs, t, nodes.libxl)) {
        attach->device.id++;
        nodes = nodes_of(&attach->device);
    }
    if (is_there(xs, t, nodes.libxl))
        return EEXIST;
    error = write_frontend(xs, t, attach, &nodes);
    if (error == 0)
        error = make_dir(xs, t, nodes.backend, attach->device.backend, attach->device.domid);
    if (error == 0)
        error = write_backend_copy(xs, t, attach, &nodes, nodes.backend);
    if (error == 0)
        error = put(xs, t, nodes.libxl, "backend", nodes.backend);
    return error == 0 ? write_backend_copy(xs, t, attach, &nodes, nodes.libxl) : error;
}

static void choose_mac(struct attach *attach)
{
    uint8_t mac[6] = { 0x00, 0x16, 0x3e };

    if (attach->config->has_mac)
        memcpy(mac, attach->config->mac, sizeof(mac));
    else if (getentropy(mac + 3, 3) == 0)
        mac[3] &= 0x7f;
    snprintf(attach->mac, sizeof(attach->mac), "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
             mac[3], mac[4], mac[5]);
}

bool vif_attach(domid_t domid, const struct vif_config *config, int *devid, char *error, size_t size)
{
    struct attach attach = { .device = { .type = TYPE, .domid = domid }, .config = config };
    struct xs_handle *xs;
    int number;

    if (config->backend[0] != '\0' &&
        device_find_backend(config->backend, &attach.device.backend, error, size) != 0)
        return false;
    xs = xs_open(0);
    if (xs == NULL)
        return fail(error, size, "no connection to xenstore", errno);
    choose_mac(&attach);
    number = xenbus_transaction(xs, write_nodes, &attach);
    if (number == EEXIST)
        snprintf(error, size, "the domain has a network interface %d already", config->devid);
    else if (number != 0)
        fail(error, size, "cannot write the network interface's nodes", number);
    else if (attach.device.backend != 0)
        number = device_settle(xs, &attach.device, error, size);
    xs_close(xs);
    if (number == 0 && devid != NULL)
        *devid = (int)attach.device.id;
    return number == 0;
}

bool vif_detach(domid_t domid, int devid, char *error, size_t size)
{
    const struct device device = { .type = TYPE, .domid = domid, .id = (unsigned)devid };
    int number = device_detach(&device, false, error, size);

    if (number != 0 && number != ENODEV)
        number = device_detach(&device, true, error, size);
    if (number == ENODEV)
        snprintf(error, size, "the domain has no network interface %d", devid);
    return number == 0;
}

/* ---- list ---- */

static unsigned int number_of(struct xs_handle *xs, const char *dir, const char *key)
{
    uint64_t value = 0;

    xenbus_read_number(xs, XBT_NULL, dir, key, UINT32_MAX, &value);
    return (unsigned int)value;
}

static void read_info(struct xs_handle *xs, const struct device *device, struct vif_info *info)
{
    struct vif_nodes nodes = nodes_of(device);
    char *mac = xenbus_read(xs, XBT_NULL, nodes.libxl, "mac");

    *info = (struct vif_info){
        .devid = (int)device->id,
        .owner = device->backend,
        .state = xenbus_read_state(xs, nodes.frontend),
        .event_channel = number_of(xs, nodes.frontend, "event-channel"),
        .tx_ring = number_of(xs, nodes.frontend, "tx-ring-ref"),
        .rx_ring = number_of(xs, nodes.frontend, "rx-ring-ref"),
    };
    snprintf(info->mac, sizeof(info->mac), "%s", mac != NULL ? mac : "");
    memcpy(info->backend, nodes.backend, sizeof(info->backend));
    free(mac);
}

struct each {
    struct xs_handle *xs;
    void (*fn)(const struct vif_info *vif, void *arg);
    void *arg;
};

static void pass_on(const struct device *device, void *arg)
{
    const struct each *each = arg;
    struct vif_info info;

    read_info(each->xs, device, &info);
    each->fn(&info, each->arg);
}

void vif_for_each(domid_t domid, void (*fn)(const struct vif_info *vif, void *arg), void *arg)
{
    struct each each = { xs_open(0), fn, arg };

    if (each.xs != NULL)
        device_for_each(TYPE, domid, pass_on, &each);
    xs_close(each.xs);
}

struct search {
    const char *text;
    int devid;
};

static void compare(const struct vif_info *info, void *arg)
{
    struct search *search = arg;
    char number[16];

    snprintf(number, sizeof(number), "%d", info->devid);
    if (strcasecmp(info->mac, search->text) == 0 || strcmp(number, search->text) == 0)
        search->devid = info->devid;
}

int vif_find(domid_t domid, const char *text)
{
    struct search search = { text, -1 };

    vif_for_each(domid, compare, &search);
    return search.devid;
}
