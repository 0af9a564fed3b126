/* SPDX-License-Identifier: MIT */
#include "dom0_tools/device/vif.h"
#include "pvguest/time.h"
#include "pvguest/xenbus.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DETACH_PATIENCE (10 * NSEC_PER_SEC) /* as libxl's */
#define NODE_SIZE       96
#define DEFAULT_BRIDGE  "xenbr0"
#define DEFAULT_SCRIPT  "/etc/xen/scripts/vif-bridge"

/* The three directories of a device. */
struct vif_nodes {
    char frontend[NODE_SIZE], backend[NODE_SIZE], libxl[NODE_SIZE];
};

static struct vif_nodes nodes_of(domid_t domid, int devid)
{
    struct vif_nodes nodes;

    snprintf(nodes.frontend, sizeof(nodes.frontend), "/local/domain/%u/device/vif/%d", domid, devid);
    snprintf(nodes.backend, sizeof(nodes.backend), "/local/domain/0/backend/vif/%u/%d", domid, devid);
    snprintf(nodes.libxl, sizeof(nodes.libxl), "/libxl/%u/device/vif/%d", domid, devid);
    return nodes;
}

static bool fail(char *error, size_t size, const char *what, int number)
{
    snprintf(error, size, "%s: %s", what, strerror(number));
    return false;
}

/* ---- attach ---- */

struct attach {
    domid_t domid;
    int devid;
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
    int error = make_dir(xs, t, nodes->frontend, attach->domid, 0);

    if (error == 0)
        error = put(xs, t, nodes->frontend, "backend", nodes->backend);
    if (error == 0)
        error = put(xs, t, nodes->frontend, "backend-id", "0");
    if (error == 0)
        error = xenbus_write(xs, t, nodes->frontend, "handle", "%d", attach->devid);
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
    int error = xenbus_write(xs, t, dir, "frontend-id", "%u", attach->domid);

    for (size_t i = 0; i < sizeof(node) / sizeof(node[0]) && error == 0; i++)
        error = put(xs, t, dir, node[i].key, node[i].value);
    if (error == 0)
        error = xenbus_write(xs, t, dir, "handle", "%d", attach->devid);
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

    if (attach->config->devid < 0)
        for (attach->devid = 0; nodes = nodes_of(attach->domid, attach->devid), is_there(xs, t, nodes.libxl);)
            attach->devid++;
    nodes = nodes_of(attach->domid, attach->devid);
    if (is_there(xs, t, nodes.libxl))
        return EEXIST;
    error = write_frontend(xs, t, attach, &nodes);
    if (error == 0)
        error = make_dir(xs, t, nodes.backend, 0, attach->domid);
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
    struct attach attach = { .domid = domid, .devid = config->devid, .config = config };
    struct xs_handle *xs = xs_open(0);
    int number;

    if (xs == NULL)
        return fail(error, size, "no connection to xenstore", errno);
    choose_mac(&attach);
    number = xenbus_transaction(xs, write_nodes, &attach);
    xs_close(xs);
    if (number == EEXIST) {
        snprintf(error, size, "the domain has a network interface %d already", config->devid);
        return false;
    }
    if (number != 0)
        return fail(error, size, "cannot write the network interface's nodes", number);
    if (devid != NULL)
        *devid = attach.devid;
    return true;
}

/* ---- detach ---- */

static int ask_to_close(struct xs_handle *xs, xs_transaction_t t, void *arg)
{
    const struct vif_nodes *nodes = arg;
    int error;

    if (!is_there(xs, t, nodes->backend))
        return ENOENT;
    error = put(xs, t, nodes->backend, "online", "0");
    return error == 0 ? put(xs, t, nodes->backend, "state", "5") : error;
}

static int remove_nodes(struct xs_handle *xs, xs_transaction_t t, void *arg)
{
    const struct vif_nodes *nodes = arg;
    int error = xs_rm(xs, t, nodes->frontend) || errno == ENOENT ? 0 : errno;

    if (error == 0)
        error = xs_rm(xs, t, nodes->backend) || errno == ENOENT ? 0 : errno;
    if (error == 0)
        error = xs_rm(xs, t, nodes->libxl) || errno == ENOENT ? 0 : errno;
    return error;
}

bool vif_detach(domid_t domid, int devid, char *error, size_t size)
{
    struct vif_nodes nodes = nodes_of(domid, devid);
    struct xs_handle *xs = xs_open(0);
    struct xenbus_device device = { .xs = xs };
    enum xenbus_state state;
    int number;

    if (xs == NULL)
        return fail(error, size, "no connection to xenstore", errno);
    number = xenbus_transaction(xs, ask_to_close, &nodes);
    if (number == 0) {
        snprintf(device.other, sizeof(device.other), "%s", nodes.backend);
        xenbus_wait_other(&device, XENBUS_STATE(XenbusStateClosed) | XENBUS_STATE(XenbusStateUnknown),
                          time_ns() + DETACH_PATIENCE, &state);
        number = xenbus_transaction(xs, remove_nodes, &nodes);
    }
    xs_close(xs);
    if (number == ENOENT)
        snprintf(error, size, "the domain has no network interface %d", devid);
    else if (number != 0)
        fail(error, size, "cannot remove the network interface's nodes", number);
    return number == 0;
}

/* ---- list ---- */

static unsigned int number_of(struct xs_handle *xs, const char *dir, const char *key)
{
    uint64_t value = 0;

    xenbus_read_number(xs, XBT_NULL, dir, key, UINT32_MAX, &value);
    return (unsigned int)value;
}

/* The numbers of a domain's interfaces, in libxl's directory; freed by the caller. */
static char **list(struct xs_handle *xs, domid_t domid, unsigned int *nr)
{
    char path[NODE_SIZE];

    snprintf(path, sizeof(path), "/libxl/%u/device/vif", domid);
    *nr = 0;
    return xs_directory(xs, XBT_NULL, path, nr);
}

static void read_info(struct xs_handle *xs, domid_t domid, int devid, struct vif_info *info)
{
    struct vif_nodes nodes = nodes_of(domid, devid);
    char *mac = xenbus_read(xs, XBT_NULL, nodes.libxl, "mac");

    *info = (struct vif_info){
        .devid = devid,
        .state = xenbus_read_state(xs, nodes.frontend),
        .event_channel = number_of(xs, nodes.frontend, "event-channel"),
        .tx_ring = number_of(xs, nodes.frontend, "tx-ring-ref"),
        .rx_ring = number_of(xs, nodes.frontend, "rx-ring-ref"),
    };
    snprintf(info->mac, sizeof(info->mac), "%s", mac != NULL ? mac : "");
    memcpy(info->backend, nodes.backend, sizeof(info->backend));
    free(mac);
}

void vif_for_each(domid_t domid, void (*fn)(const struct vif_info *vif, void *arg), void *arg)
{
    struct xs_handle *xs = xs_open(0);
    unsigned int nr = 0;
    char **devids = xs != NULL ? list(xs, domid, &nr) : NULL;

    for (unsigned int i = 0; devids != NULL && i < nr; i++) {
        struct vif_info info;

        read_info(xs, domid, atoi(devids[i]), &info);
        fn(&info, arg);
    }
    free(devids);
    xs_close(xs);
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
