/* SPDX-License-Identifier: MIT */
#include "dom0_tools/xl/domain_io.h"
#include "dom0_tools/network/network.h"
#include "split_drivers/blkback_io.h"

#include <stdio.h>
#include <stdlib.h>

struct collection {
    const struct domain_list *domains;
    struct domain_io *io;
};

static int compare_domid(const void *key, const void *info)
{
    return (int)*(const domid_t *)key - (int)((const struct xen_domctl_getdomaininfo *)info)->domain;
}

/* Where the domain's figures go, or NULL: it is not in the list. */
static struct domain_io *of(struct collection *c, domid_t domid)
{
    const struct xen_domctl_getdomaininfo *info =
        bsearch(&domid, c->domains->info, c->domains->nr, sizeof(*info), compare_domid);

    return info != NULL ? &c->io[info - c->domains->info] : NULL;
}

/* Ports of domains are called vifDOMID.NUMBER. */
static void add_ports(struct net_switch *net_switch, void *arg)
{
    const struct switch_port *port;
    struct domain_io *io;
    unsigned int domid;

    LIST_FOREACH(port, &net_switch->ports, next)
    {
        if (sscanf(port->name, "vif%u.", &domid) != 1 || (io = of(arg, (domid_t)domid)) == NULL)
            continue;
        io->nets++;
        io->sent_bytes += port->counters.rx_bytes;
        io->received_bytes += port->counters.tx_bytes;
    }
}

static void add_disk(const struct blkback_disk *disk, void *arg)
{
    struct domain_io *io = of(arg, disk->domid);

    if (io == NULL)
        return;
    io->vbds++;
    io->reads += disk->statistics.requests[BLKIF_OP_READ];
    io->writes += disk->statistics.requests[BLKIF_OP_WRITE];
    io->sectors_read += disk->statistics.sectors_read;
    io->sectors_written += disk->statistics.sectors_written;
}

struct domain_io *domain_io_get(const struct domain_list *domains)
{
    struct collection collection = { domains, calloc(domains->nr + 1, sizeof(*collection.io)) };

    if (collection.io == NULL)
        return NULL;
    network_for_each_switch(add_ports, &collection);
    blkback_io_for_each(add_disk, &collection);
    return collection.io;
}
