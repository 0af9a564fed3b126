/* SPDX-License-Identifier: MIT */
/*
 * The memory of a PVH dom0. It drives devices, and without an IOMMU a device takes the addresses that its
 * driver writes for machine addresses: so each frame is to have the number that the machine gives it.
 */
#ifndef HV_BOOT_DIRECT_MEMORY_H
#define HV_BOOT_DIRECT_MEMORY_H

#include "hv/domain/domain.h"
#include "hv/lib/pvh_layout.h"

/*
 * Give d `pages` frames, rounded up to 2 MiB, at their machine addresses, and write l->memmap, and l->base
 * and l->low_end of the piece that the start of day is to lie in. The kernel's own place [kernel, kernel_end)
 * is left to the caller. NULL, or why not.
 */
const char *direct_memory_allocate(struct domain *d, uint64_t pages, uint64_t kernel, uint64_t kernel_end,
                                   struct pvh_layout *l);

#endif
