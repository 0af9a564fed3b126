/* SPDX-License-Identifier: MIT */
#include "dom0_tools/toolstack/domain_nodes.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <xenstore.h>

#define PATH_SIZE     160
#define VALUE_SIZE    160
#define CONSOLE_LIMIT 1048576 /* bytes of output that a console keeps, as libxl tells xenconsoled */

/* Who may do what with a node. */
enum access { TOOLSTACK_ONLY, DOMAIN_READS, DOMAIN_OWNS };

/* One set of nodes being written. */
struct writer {
    struct xs_handle *h;
    xs_transaction_t transaction;
    domid_t domid;
    bool ok; /* false with errno: nothing more is written */
};

static void put_text(struct writer *w, enum access access, const char *path, const char *value)
{
    struct xs_permissions perms[] = { { .id = access == DOMAIN_OWNS ? w->domid : 0, .perms = XS_PERM_NONE },
                                      { .id = w->domid, .perms = XS_PERM_READ } };

    w->ok = w->ok && xs_write(w->h, w->transaction, path, value, (unsigned int)strlen(value)) &&
            xs_set_permissions(w->h, w->transaction, path, perms, access == DOMAIN_READS ? 2 : 1);
}

/* The node of that name below a directory; "" for the directory itself. */
static void __attribute__((format(printf, 5, 6)))
put(struct writer *w, enum access access, const char *directory, const char *name, const char *format, ...)
{
    char path[PATH_SIZE], value[VALUE_SIZE];
    va_list args;

    va_start(args, format);
    vsnprintf(value, sizeof(value), format, args);
    va_end(args);
    snprintf(path, sizeof(path), "%s%s%s", directory, *name != '\0' ? "/" : "", name);
    put_text(w, access, path, value);
}

static void put_vm(struct writer *w, const struct domain_nodes *n, const char *home)
{
    char uuid[UUID_TEXT_SIZE], vm[PATH_SIZE];
    struct timespec now;

    uuid_format(uuid, n->uuid);
    snprintf(vm, sizeof(vm), "/vm/%s", uuid);
    clock_gettime(CLOCK_REALTIME, &now);
    put(w, DOMAIN_READS, vm, "", "%s", "");
    put(w, DOMAIN_READS, vm, "uuid", "%s", uuid);
    put(w, DOMAIN_READS, vm, "name", "%s", n->name);
    put(w, DOMAIN_READS, vm, "start_time", "%lld.%02ld", (long long)now.tv_sec, now.tv_nsec / 10000000);
    put(w, DOMAIN_READS, home, "vm", "%s", vm);
    put(w, DOMAIN_READS, home, "name", "%s", n->name);
    put(w, DOMAIN_READS, home, "domid", "%u", n->domid);
}

static void put_directories(struct writer *w, const char *home)
{
    static const char *const readable[] = { "cpu", "memory", "device", "control" };
    static const char *const own[] = { "data",
                                       "drivers",
                                       "feature",
                                       "attr",
                                       "error",
                                       "device/suspend/event-channel",
                                       "control/shutdown",
                                       "control/feature-poweroff",
                                       "control/feature-reboot",
                                       "control/feature-suspend",
                                       "control/sysrq" };

    for (size_t i = 0; i < sizeof(readable) / sizeof(readable[0]); i++)
        put(w, DOMAIN_READS, home, readable[i], "%s", "");
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
        put(w, DOMAIN_OWNS, home, own[i], "%s", "");
    put(w, DOMAIN_READS, home, "control/platform-feature-multiprocessor-suspend", "1");
    put(w, DOMAIN_READS, home, "control/platform-feature-xs_reset_watches", "1");
}

static void put_size(struct writer *w, const struct domain_nodes *n, const char *home)
{
    put(w, DOMAIN_READS, home, "memory/static-max", "%lu", (unsigned long)n->max_memory_kib);
    put(w, DOMAIN_READS, home, "memory/target", "%lu", (unsigned long)n->memory_kib);
    put(w, DOMAIN_READS, home, "memory/videoram", "-1");
    for (uint32_t cpu = 0; cpu < n->max_vcpus; cpu++) {
        char name[40];

        snprintf(name, sizeof(name), "cpu/%u/availability", cpu);
        put(w, DOMAIN_READS, home, name, cpu < n->vcpus ? "online" : "offline");
    }
}

static void put_console(struct writer *w, const struct domain_nodes *n, const char *home)
{
    char back[PATH_SIZE];

    snprintf(back, sizeof(back), "/local/domain/0/backend/console/%u/0", n->domid);
    put(w, DOMAIN_READS, home, "console", "%s", "");
    put(w, DOMAIN_READS, home, "console/backend", "%s", back);
    put(w, DOMAIN_READS, home, "console/backend-id", "0");
    put(w, DOMAIN_READS, home, "console/limit", "%d", CONSOLE_LIMIT);
    put(w, DOMAIN_READS, home, "console/type", "xenconsoled");
    put(w, DOMAIN_READS, home, "console/output", "pty");
    put(w, DOMAIN_READS, home, "console/tty", "%s", "");
    put(w, DOMAIN_READS, home, "console/port", "%u", n->console_port);
    put(w, DOMAIN_READS, home, "console/ring-ref", "%lu", (unsigned long)n->console_ring);
    put(w, DOMAIN_READS, back, "", "%s", "");
    put(w, DOMAIN_READS, back, "frontend", "%s/console", home);
    put(w, DOMAIN_READS, back, "frontend-id", "%u", n->domid);
    put(w, DOMAIN_READS, back, "online", "1");
    put(w, DOMAIN_READS, back, "state", "1");
    put(w, DOMAIN_READS, back, "protocol", "vt100");
}

static void put_all(struct writer *w, const struct domain_nodes *n)
{
    char home[PATH_SIZE], libxl[PATH_SIZE];

    snprintf(home, sizeof(home), "/local/domain/%u", n->domid);
    snprintf(libxl, sizeof(libxl), "/libxl/%u", n->domid);
    put(w, DOMAIN_READS, home, "", "%s", "");
    put_vm(w, n, home);
    put(w, TOOLSTACK_ONLY, libxl, "", "%s", "");
    put(w, TOOLSTACK_ONLY, libxl, "type", "%s", n->type);
    put(w, TOOLSTACK_ONLY, libxl, "device", "%s", "");
    put_directories(w, home);
    put_size(w, n, home);
    if (n->store_port != 0) {
        put(w, DOMAIN_READS, home, "store/ring-ref", "%lu", (unsigned long)n->store_ring);
        put(w, DOMAIN_READS, home, "store/port", "%u", n->store_port);
    }
    if (n->console_port != 0)
        put_console(w, n, home);
}

bool domain_nodes_write(struct xs_handle *h, const struct domain_nodes *nodes)
{
    struct writer w;

    do {
        w = (struct writer){
            .h = h, .domid = nodes->domid, .transaction = xs_transaction_start(h), .ok = true
        };
        if (w.transaction == XBT_NULL)
            return false;
        put_all(&w, nodes);
        if (!w.ok) {
            int error = errno;

            xs_transaction_end(h, w.transaction, true);
            errno = error;
            return false;
        }
        w.ok = xs_transaction_end(h, w.transaction, false);
    } while (!w.ok && errno == EAGAIN);
    return w.ok;
}

/* /vm/UUID of the domain, to be freed, or NULL. */
static char *vm_path(struct xs_handle *h, domid_t domid)
{
    char path[PATH_SIZE];
    char *vm;

    snprintf(path, sizeof(path), "/local/domain/%u/vm", domid);
    vm = xs_read(h, XBT_NULL, path, NULL);
    if (vm != NULL && strncmp(vm, "/vm/", 4) == 0)
        return vm;
    free(vm);
    return NULL;
}

/* Of one of its devices the directory that the backend, whoever that is, has for this domain's of that type.
 */
static void remove_backend(struct xs_handle *h, const char *type, const char *id)
{
    char path[PATH_SIZE];
    char *back;

    snprintf(path, sizeof(path), "%s/%s/backend", type, id);
    back = xs_read(h, XBT_NULL, path, NULL);
    if (back != NULL && strrchr(back, '/') != NULL) {
        *strrchr(back, '/') = '\0';
        xs_rm(h, XBT_NULL, back);
    }
    free(back);
}

/* Its devices' backends, which may be in driver domains; the toolstack's own copy says where. */
static void remove_backends(struct xs_handle *h, domid_t domid)
{
    char directory[PATH_SIZE];
    unsigned int nr_types = 0;
    char **types;

    snprintf(directory, sizeof(directory), "/libxl/%u/device", domid);
    types = xs_directory(h, XBT_NULL, directory, &nr_types);
    for (unsigned int i = 0; types != NULL && i < nr_types; i++) {
        char type[PATH_SIZE + 32];
        unsigned int nr = 0;
        char **ids;

        snprintf(type, sizeof(type), "%s/%s", directory, types[i]);
        ids = xs_directory(h, XBT_NULL, type, &nr);
        for (unsigned int k = 0; ids != NULL && k < nr; k++)
            remove_backend(h, type, ids[k]);
        free(ids);
    }
    free(types);
}

/* Its devices in a back end's directory of this domain, of each kind. */
static void remove_devices(struct xs_handle *h, domid_t domid, const char *directory)
{
    unsigned int nr = 0;
    char **types = xs_directory(h, XBT_NULL, directory, &nr);

    for (unsigned int i = 0; types != NULL && i < nr; i++) {
        char path[PATH_SIZE];

        snprintf(path, sizeof(path), "%s/%s/%u", directory, types[i], domid);
        xs_rm(h, XBT_NULL, path);
    }
    free(types);
}

void domain_nodes_remove(struct xs_handle *h, domid_t domid)
{
    static const char *const trees[] = { "/local/domain/%u", "/libxl/%u" };
    char *vm = vm_path(h, domid);

    remove_backends(h, domid);
    remove_devices(h, domid, "/local/domain/0/backend");
    remove_devices(h, domid, "/local/domain/0/error/backend");
    if (vm != NULL)
        xs_rm(h, XBT_NULL, vm);
    free(vm);
    for (size_t i = 0; i < sizeof(trees) / sizeof(trees[0]); i++) {
        char path[PATH_SIZE];

        snprintf(path, sizeof(path), trees[i], domid);
        xs_rm(h, XBT_NULL, path);
    }
}

/* Writes the node `name` of a directory in place of its old value, which leaves its rights alone. */
static bool set_name(struct xs_handle *h, xs_transaction_t t, const char *directory, const char *name)
{
    char path[PATH_SIZE];

    snprintf(path, sizeof(path), "%s/name", directory);
    return xs_write(h, t, path, name, (unsigned int)strlen(name));
}

bool domain_nodes_rename(struct xs_handle *h, domid_t domid, const char *name)
{
    char *vm = vm_path(h, domid);
    char home[PATH_SIZE];
    bool ok;

    snprintf(home, sizeof(home), "/local/domain/%u", domid);
    do {
        xs_transaction_t t = xs_transaction_start(h);

        ok = t != XBT_NULL && set_name(h, t, home, name) && (vm == NULL || set_name(h, t, vm, name));
        ok = xs_transaction_end(h, t, !ok) && ok;
    } while (!ok && errno == EAGAIN);
    free(vm);
    return ok;
}
