/* SPDX-License-Identifier: MIT */
/* A domain's nodes in xenstore, as libxl 4.17 writes them: /local/domain/N, /vm/UUID, /libxl/N. */
#ifndef DOM0_TOOLSTACK_DOMAIN_NODES_H
#define DOM0_TOOLSTACK_DOMAIN_NODES_H

#include <stdbool.h>
#include <stdint.h>
#include <xen/xen.h>
#include <xen/event_channel.h>

#include "dom0_tools/toolstack/domain_config.h"

struct domain_nodes {
    domid_t domid;
    const char *name;
    const uint8_t *uuid;
    const char *type; /* "pv" */
    uint64_t max_memory_kib, memory_kib;
    uint32_t vcpus, max_vcpus;
    /* Where the rings are: machine frame (or grant reference) and port. Port 0: there is none. */
    uint64_t store_ring, console_ring;
    evtchn_port_t store_port, console_port;
};

struct xs_handle;

/* All or none: false with errno. */
bool domain_nodes_write(struct xs_handle *h, const struct domain_nodes *nodes);

/* Removes them, also those of the device back ends in this domain. What the domain itself has made besides
 * goes with its release. */
void domain_nodes_remove(struct xs_handle *h, domid_t domid);

/* Changes what the domain is called: two nodes. False with errno. */
bool domain_nodes_rename(struct xs_handle *h, domid_t domid, const char *name);

#endif
