/* SPDX-License-Identifier: MIT */
#ifndef PVGUEST_LWIP_NETINET_IN_H
#define PVGUEST_LWIP_NETINET_IN_H

#include <sys/socket.h>

#endif
