/* SPDX-License-Identifier: MIT */
/*
 * The network backend: one port of a switch for each `vif` that the toolstack makes. From its directory it
 * takes `mac`, `bridge` (the switch), `rate` ("BYTES,MICROSECONDS") and `ip` (IPv4 addresses with blanks in
 * between, which are then the only ones that the guest may use).
 */
#ifndef SPLIT_DRIVERS_NETBACK_H
#define SPLIT_DRIVERS_NETBACK_H

#include "split_drivers/switch.h"
#include "split_drivers/worker.h"

/* Serves vifs on switches that find_switch() knows by name (NULL: there is none), in that worker. 0 or an
 * errno. */
int netback_start(struct worker *worker, struct net_switch *(*find_switch)(const char *name));

/* The hypercalls that all traffic has cost the backends: batches of grant copies, events sent. */
struct netback_calls {
    uint64_t copies, events;
};

struct netback_calls netback_calls(void);

#endif
