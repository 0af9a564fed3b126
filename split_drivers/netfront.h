/* SPDX-License-Identifier: MIT */
/*
 * The network frontend under lwIP: each `vif` of this domain becomes an interface of lwIP, whenever it is
 * attached. It gets its address by DHCP, or from the environment (words at the beginning of the command
 * line): `IP=10.0.0.2/24`, `GATEWAY=10.0.0.1` and `DNS=10.0.0.1` are for the first vif.
 *
 * lwIP's thread and every interface run beside the program's; sockets are lwIP's (lwip/sockets.h).
 */
#ifndef SPLIT_DRIVERS_NETFRONT_H
#define SPLIT_DRIVERS_NETFRONT_H

#include <stdint.h>

/* Starts lwIP and looks for vifs, now and later. 0 or an errno. Once. */
int netfront_start(void);

/* Waits until an interface has an IPv4 address, or until the deadline (time_ns()): ETIMEDOUT. */
int netfront_wait(uint64_t deadline);

#endif
