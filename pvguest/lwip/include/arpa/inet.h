/* SPDX-License-Identifier: MIT */
/* Addresses as text; inet_addr(), inet_aton(), inet_ntoa(), htons() and the like are lwIP's macros. */
#ifndef PVGUEST_LWIP_ARPA_INET_H
#define PVGUEST_LWIP_ARPA_INET_H

#include <sys/socket.h>

const char *inet_ntop(int family, const void *address, char *text, socklen_t size);
int inet_pton(int family, const char *text, void *address);

#endif
