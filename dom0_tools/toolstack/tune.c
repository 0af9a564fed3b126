/* SPDX-License-Identifier: MIT */
#include "dom0_tools/toolstack/tune.h"
#include "dom0_tools/toolstack/toolstack.h"
#include "dom0_tools/xc/domain.h"
#include "dom0_tools/xc/memory.h"
#include "pvguest/xen_errno.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xenstore.h>

/* What a domain may have beyond its memory, as libxl leaves it: a kernel's balloon is inexact. */
#define SLACK_KIB 1024U

static bool __attribute__((format(printf, 2, 3))) refuse(char *error, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(error, TOOLSTACK_ERROR_SIZE, format, args);
    va_end(args);
    return false;
}

static void node_path(char *path, size_t size, domid_t domid, const char *name)
{
    snprintf(path, size, "/local/domain/%u/%s", domid, name);
}

static bool read_kib(domid_t domid, const char *name, uint64_t *kib, char *error)
{
    struct xs_handle *h = xs_open(0);
    char path[64], *value;

    node_path(path, sizeof(path), domid, name);
    value = h != NULL ? xs_read(h, XBT_NULL, path, NULL) : NULL;
    if (value == NULL)
        refuse(error, "%s: %s", path, strerror(errno));
    else
        *kib = strtoull(value, NULL, 10);
    xs_close(h);
    free(value);
    return value != NULL;
}

/* Writes a node that is there already, so that its permissions stay. */
static bool write_node(domid_t domid, const char *name, const char *value, char *error)
{
    struct xs_handle *h = xs_open(0);
    char path[64];
    bool ok;

    node_path(path, sizeof(path), domid, name);
    ok = h != NULL && xs_write(h, XBT_NULL, path, value, (unsigned int)strlen(value));
    if (!ok)
        refuse(error, "%s: %s", path, strerror(errno));
    xs_close(h);
    return ok;
}

static bool set_limit(domid_t domid, uint64_t kib, char *error)
{
    int rc = xc_memory_max(domid, kib + SLACK_KIB);

    return rc == 0 || refuse(error, "its limit cannot be set to %lu KiB: %s", (unsigned long)kib,
                             strerror(xen_errno_to_c(rc)));
}

bool tune_memory(domid_t domid, uint64_t kib, char *error)
{
    uint64_t most;
    char value[24];

    if (domid == 0)
        return refuse(error, "domain 0, which this runs in, keeps its memory");
    if (!read_kib(domid, "memory/static-max", &most, error))
        return false;
    if (kib > most)
        return refuse(error, "%lu KiB are more than its maximum of %lu KiB", (unsigned long)kib,
                      (unsigned long)most);
    snprintf(value, sizeof(value), "%lu", (unsigned long)kib);
    return set_limit(domid, kib, error) && write_node(domid, "memory/target", value, error);
}

bool tune_max_memory(domid_t domid, uint64_t kib, char *error)
{
    uint64_t target;

    if (!read_kib(domid, "memory/target", &target, error))
        return false;
    if (kib < target)
        return refuse(error, "%lu KiB are less than the %lu KiB that it has been told to have",
                      (unsigned long)kib, (unsigned long)target);
    return set_limit(domid, kib, error);
}

bool tune_vcpus(domid_t domid, uint32_t nr, char *error)
{
    struct xen_domctl_getdomaininfo info;
    int rc = xc_domain_info(domid, &info);
    bool ok = true;

    if (rc != 0)
        return refuse(error, "%s", strerror(xen_errno_to_c(rc)));
    if (nr == 0 || nr > info.max_vcpu_id + 1)
        return refuse(error, "it has %u vCPUs, of which at least 1 is online", info.max_vcpu_id + 1);
    for (uint32_t vcpu = 0; ok && vcpu <= info.max_vcpu_id; vcpu++) {
        char name[40];

        snprintf(name, sizeof(name), "cpu/%u/availability", vcpu);
        ok = write_node(domid, name, vcpu < nr ? "online" : "offline", error);
    }
    return ok;
}

bool tune_shutdown(domid_t domid, bool reboot, char *error)
{
    return write_node(domid, "control/shutdown", reboot ? "reboot" : "poweroff", error);
}

bool tune_sysrq(domid_t domid, char key, char *error)
{
    return write_node(domid, "control/sysrq", (const char[]){ key, '\0' }, error);
}
