/* SPDX-License-Identifier: MIT */
/* What the port itself declares to lwIP's sources, which know nothing else of the guest library. */
#ifndef PVGUEST_LWIP_PORT_H
#define PVGUEST_LWIP_PORT_H

#include <stdint.h>

/* Initial sequence numbers, port numbers, transaction ids. */
uint32_t lwip_port_random(void);

#endif
