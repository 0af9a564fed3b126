/* SPDX-License-Identifier: MIT */
#include "dom0_tools/xenstored/boot_domains.h"
#include "dom0_tools/xl/domain_list.h"
#include "pvguest/hypercall.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xen/event_channel.h>
#include <xen/grant_table.h>
#include <xen/version.h>
#include <xenstore.h>

/* The builder makes the port to xenstore first. */
#define STORE_PORT   1
#define CONSOLE_PORT 2

/* Who may do what with a node. */
enum access { TOOLSTACK, DOMAIN_READS, DOMAIN_OWNS };

static bool put(struct xs_handle *h, domid_t domid, enum access access, const char *path, const char *value)
{
    struct xs_permissions perms[] = { { .id = access == DOMAIN_OWNS ? domid : 0, .perms = XS_PERM_NONE },
                                      { .id = domid, .perms = XS_PERM_READ } };

    return xs_write(h, XBT_NULL, path, value, (unsigned int)strlen(value)) &&
           xs_set_permissions(h, XBT_NULL, path, perms, access == DOMAIN_READS ? 2 : 1);
}

/* A node below the domain's directory. */
static void __attribute__((format(printf, 5, 6)))
put_domain(struct xs_handle *h, domid_t domid, enum access access, const char *name, const char *format, ...)
{
    char path[128], value[128];
    va_list args;

    va_start(args, format);
    vsnprintf(value, sizeof(value), format, args);
    va_end(args);
    snprintf(path, sizeof(path), "/local/domain/%u%s%s", domid, *name != '\0' ? "/" : "", name);
    if (!put(h, domid, access, path, value))
        fprintf(stderr, "xenstored: %s: %s\n", path, strerror(errno));
}

static void put_uuid(struct xs_handle *h, const struct xen_domctl_getdomaininfo *info, const char *name)
{
    char path[80];
    int len = snprintf(path, sizeof(path), "/vm/");

    for (size_t i = 0; i < sizeof(info->handle); i++)
        len += snprintf(path + len, sizeof(path) - (size_t)len,
                        i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x", info->handle[i]);
    put(h, info->domain, DOMAIN_READS, path, "");
    put_domain(h, info->domain, DOMAIN_READS, "vm", "%s", path);
    snprintf(path + len, sizeof(path) - (size_t)len, "/name");
    put(h, info->domain, DOMAIN_READS, path, name);
}

/* What a domain's kernel finds, and where it answers. */
static void put_nodes(struct xs_handle *h, const struct xen_domctl_getdomaininfo *info, const char *name)
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
    domid_t domid = info->domain;

    put_domain(h, domid, DOMAIN_READS, "", "%s", "");
    put_uuid(h, info, name);
    put_domain(h, domid, DOMAIN_READS, "name", "%s", name);
    put_domain(h, domid, DOMAIN_READS, "domid", "%u", domid);
    for (size_t i = 0; i < sizeof(readable) / sizeof(readable[0]); i++)
        put_domain(h, domid, DOMAIN_READS, readable[i], "%s", "");
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
        put_domain(h, domid, DOMAIN_OWNS, own[i], "%s", "");
    put_domain(h, domid, DOMAIN_READS, "control/platform-feature-multiprocessor-suspend", "1");
    put_domain(h, domid, DOMAIN_READS, "control/platform-feature-xs_reset_watches", "1");
    put_domain(h, domid, DOMAIN_READS, "memory/static-max", "%lu", info->max_pages * 4);
    put_domain(h, domid, DOMAIN_READS, "memory/target", "%lu", info->tot_pages * 4);
    put_domain(h, domid, DOMAIN_READS, "memory/videoram", "-1");
    for (uint32_t cpu = 0; cpu <= info->max_vcpu_id; cpu++) {
        char node[40];

        snprintf(node, sizeof(node), "cpu/%u/availability", cpu);
        put_domain(h, domid, DOMAIN_READS, node, "online");
    }
}

/* The hypervisor gives none to what it builds. A random one (RFC 4122, version 4). */
static void make_uuid(struct xen_domctl_getdomaininfo *info)
{
    static const xen_domain_handle_t none;

    if (memcmp(info->handle, none, sizeof(none)) != 0 || getentropy(info->handle, sizeof(info->handle)) != 0)
        return;
    info->handle[6] = (uint8_t)((info->handle[6] & 0x0f) | 0x40);
    info->handle[8] = (uint8_t)((info->handle[8] & 0x3f) | 0x80);
    xc_domain_set_uuid(info->domain, info->handle);
}

static bool is_store_port(domid_t domid, evtchn_port_t port)
{
    struct evtchn_status status = { .dom = domid, .port = port };

    return hypercall_event_channel_op(EVTCHNOP_status, &status) == 0 && status.status == EVTCHNSTAT_unbound &&
           status.u.unbound.dom == 0;
}

static void introduce(struct xs_handle *h, const struct xen_domctl_getdomaininfo *info, const char *name)
{
    domid_t domid = info->domain;

    put_nodes(h, info, name);
    put_domain(h, domid, DOMAIN_READS, "console/ring-ref", "%u", GNTTAB_RESERVED_CONSOLE);
    put_domain(h, domid, DOMAIN_READS, "console/port", "%u", CONSOLE_PORT);
    put_domain(h, domid, DOMAIN_READS, "store/ring-ref", "%u", GNTTAB_RESERVED_XENSTORE);
    put_domain(h, domid, DOMAIN_READS, "store/port", "%u", STORE_PORT);
    if (!xs_introduce_domain(h, domid, GNTTAB_RESERVED_XENSTORE, STORE_PORT))
        fprintf(stderr, "xenstored: domain %u cannot be introduced: %s\n", domid, strerror(errno));
}

/* The number of domain=NAME,... on the hypervisor's command line; *name becomes that of number `wanted`. */
static unsigned int asked_name(unsigned int wanted, char *name, size_t size)
{
    static const char option[] = "domain=";
    xen_commandline_t line;
    unsigned int nr = 0;

    if (hypercall_xen_version(XENVER_commandline, line) != 0)
        return 0;
    line[sizeof(line) - 1] = '\0';
    for (const char *at = strstr(line, option); at != NULL; at = strstr(at + 1, option)) {
        const char *value = at + strlen(option) + (at[strlen(option)] == '"'); /* the value may be quoted */
        size_t len = strcspn(value, ", \"");

        if (at != line && at[-1] != ' ' && at[-1] != '"')
            continue;
        if (nr++ == wanted && len < size) {
            memcpy(name, value, len);
            name[len] = '\0';
        }
    }
    return nr;
}

int boot_domains_introduce(void)
{
    struct xs_handle *h = xs_open(0);
    struct domain_list list;
    char name[64];
    int error = h != NULL ? domain_list_get(&list) : 0;

    if (h == NULL)
        return errno;
    xs_mkdir(h, XBT_NULL, "/tool/xenstored");
    for (size_t i = 0; error == 0 && i < list.nr; i++) {
        domid_t domid = list.info[i].domain;

        /* Its option can be told only if a domain came of each. */
        if (domid == 0 || asked_name((unsigned int)i - 1, name, sizeof(name)) != list.nr - 1)
            snprintf(name, sizeof(name), "d%u", domid);
        make_uuid(&list.info[i]);
        if (domid == 0)
            put_nodes(h, &list.info[i], "Domain-0");
        else if (is_store_port(domid, STORE_PORT))
            introduce(h, &list.info[i], name);
    }
    domain_list_free(&list);
    xs_close(h);
    return 0;
}
