/* SPDX-License-Identifier: MIT */
#ifndef PVGUEST_LWIP_NETINET_TCP_H
#define PVGUEST_LWIP_NETINET_TCP_H

#include <sys/socket.h>

#endif
