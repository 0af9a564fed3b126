/* SPDX-License-Identifier: MIT */
/* Passes name queries from an inside interface on to the server that this domain itself uses, and answers
 * back. */
#ifndef SPLIT_DRIVERS_DNS_FORWARDER_H
#define SPLIT_DRIVERS_DNS_FORWARDER_H

#include "lwip/netif.h"
#include <stdbool.h>

/* With lwIP's lock. False: no memory. */
bool dns_forwarder_start(struct netif *inside);

#endif
