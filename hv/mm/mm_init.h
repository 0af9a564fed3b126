/* SPDX-License-Identifier: MIT */
/* Bringing up memory management at boot: the final page tables, then the frame allocator. */
#ifndef HV_MM_MM_INIT_H
#define HV_MM_MM_INIT_H

#include "hv/mm/mfn.h"

/* Physical addresses of bytes [start, end): page-aligned, sorted and disjoint within a list. */
struct boot_ram_range {
    uint64_t start, end;
};

#define BOOT_RAM_RANGES_MAX 128

/*
 * Build the hypervisor's page tables, load them on this CPU and start the frame allocator. `usable` is the
 * RAM that nobody uses; `ram` is all RAM (usable, image, modules, boot data), which the direct map shows. At
 * entry the image is mapped at IMAGE_START (its L3 table is kept) and the first 4 GiB at DIRECT_MAP_START.
 * Panics when there is too little memory.
 */
void mm_init(const struct boot_ram_range *usable, unsigned int usable_count, const struct boot_ram_range *ram,
             unsigned int ram_count);

/*
 * The two halves of mm_init and what they share. boot_alloc_page: a zeroed page below 4 GiB taken from the
 * usable ranges, for page tables that are built before the allocator lives.
 */
void frame_boot_ranges(const struct boot_ram_range *usable, unsigned int n, const struct boot_ram_range *ram,
                       unsigned int ram_n);
void *boot_alloc_page(void);
void paging_init(const struct boot_ram_range *ram, unsigned int n);
/* Start handing out frames; boot_alloc_page must not be called any more. */
void frame_alloc_start(void);

#endif
