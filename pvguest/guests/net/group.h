/* SPDX-License-Identifier: MIT */
/* A member of a multicast group. */
#ifndef PVGUEST_GUESTS_NET_GROUP_H
#define PVGUEST_GUESTS_NET_GROUP_H

#include <stdint.h>

/* Joins a group of IPv4 or IPv6 on the first interface, waits for that many UDP datagrams to it and leaves. 0
 * or an errno. */
int group_receive(const char *address, uint16_t port, unsigned long number);

#endif
