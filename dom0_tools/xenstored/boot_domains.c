/* SPDX-License-Identifier: MIT */
#include "dom0_tools/xenstored/boot_domains.h"
#include "dom0_tools/toolstack/domain_nodes.h"
#include "dom0_tools/xl/domain_list.h"
#include "pvguest/hypercall.h"

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

/* Port 0 in either place: it has no such ring here. */
static void put_nodes(struct xs_handle *h, const struct xen_domctl_getdomaininfo *info, const char *name,
                      evtchn_port_t store_port, evtchn_port_t console_port)
{
    const struct domain_nodes nodes = { .domid = info->domain,
                                        .name = name,
                                        .uuid = info->handle,
                                        .type = "pv",
                                        .max_memory_kib = info->max_pages * 4,
                                        .memory_kib = info->tot_pages * 4,
                                        .vcpus = info->max_vcpu_id + 1,
                                        .max_vcpus = info->max_vcpu_id + 1,
                                        .store_ring = GNTTAB_RESERVED_XENSTORE,
                                        .store_port = store_port,
                                        .console_ring = GNTTAB_RESERVED_CONSOLE,
                                        .console_port = console_port };

    if (!domain_nodes_write(h, &nodes))
        fprintf(stderr, "xenstored: the nodes of domain %u: %s\n", info->domain, strerror(errno));
}

static void introduce(struct xs_handle *h, const struct xen_domctl_getdomaininfo *info, const char *name)
{
    put_nodes(h, info, name, STORE_PORT, CONSOLE_PORT);
    if (!xs_introduce_domain(h, info->domain, GNTTAB_RESERVED_XENSTORE, STORE_PORT))
        fprintf(stderr, "xenstored: domain %u cannot be introduced: %s\n", info->domain, strerror(errno));
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
            put_nodes(h, &list.info[i], "Domain-0", 0, 0);
        else if (is_store_port(domid, STORE_PORT))
            introduce(h, &list.info[i], name);
    }
    domain_list_free(&list);
    xs_close(h);
    return 0;
}
