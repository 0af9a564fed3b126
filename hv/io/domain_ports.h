/* SPDX-License-Identifier: MIT */
/*
 * What stands behind the I/O ports of a domain: ports that it owns are the machine's, PCI configuration of
 * the hardware domain goes through hv/io/pci.h, and any other port is empty: it reads all ones and ignores
 * writes. `bytes`: 1, 2 or 4; a value has no more bits than that.
 */
#ifndef HV_IO_DOMAIN_PORTS_H
#define HV_IO_DOMAIN_PORTS_H

#include "hv/lib/types.h"

struct domain;

uint32_t domain_port_in(struct domain *d, uint32_t port, unsigned int bytes);
void domain_port_out(struct domain *d, uint32_t port, unsigned int bytes, uint32_t value);

#endif
