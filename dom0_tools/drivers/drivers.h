/* SPDX-License-Identifier: MIT */
/* dom0's drivers for real devices. */
#ifndef DOM0_DRIVERS_DRIVERS_H
#define DOM0_DRIVERS_DRIVERS_H

#include "dom0_tools/pci/pci_function.h"

/* Looks at every PCI function and starts the driver of those that have one. After pci_init(). Threads only.
 */
void drivers_start(void);

/* How often a driver looks whether its device is still there, in ns. */
#define DRIVER_WATCH_PERIOD 1000000000ULL

/* After how many ns without an end of any request a disk is given up: DISK_TIMEOUT=seconds on dom0's command
 * line, or 30 s. */
uint64_t driver_disk_timeout(void);

/* Each looks whether the device is its own and takes it into use; a fault is reported, and the device left
 * alone. */
void virtio_blk_probe(const struct pci_function *function);
void e1000e_probe(const struct pci_function *function);
void nvme_probe(const struct pci_function *function);
void virtio_net_probe(const struct pci_function *function);

#endif
