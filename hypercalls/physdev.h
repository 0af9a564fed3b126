/* SPDX-License-Identifier: MIT */
/* physdev_op in its parts. */
#ifndef HYPERCALLS_PHYSDEV_H
#define HYPERCALLS_PHYSDEV_H

#include "hypercalls/hypercall.h"
#include <xen/physdev.h>

/* Sub-operations about PCI devices (physdev_pci.c): the hardware domain only, -EPERM for others; -ENOSYS for
 * an unknown one. */
int64_t physdev_pci_op(uint32_t cmd, gva_t arg);

#endif
