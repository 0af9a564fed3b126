/* SPDX-License-Identifier: MIT */
/* A domain's memory. Returns as domain.h says. */
#ifndef DOM0_XC_MEMORY_H
#define DOM0_XC_MEMORY_H

#include <stddef.h>
#include <stdint.h>
#include <xen/xen.h>
#include <xen/arch-x86/hvm/start_info.h>

/* No more than that many KiB from now on; what it has it keeps. */
int xc_memory_max(domid_t domid, uint64_t kib);

/*
 * Gives it nr pieces of 2^order frames. Going in, frames[i] is the page frame number at which piece i is to
 * be known; coming out, the first machine frame. Returns how many it got, less than nr when memory or its
 * maximum is exhausted.
 */
size_t xc_memory_populate(domid_t domid, xen_pfn_t *frames, size_t nr, unsigned int order);

/* Fills the page with the hypervisor's calling code. */
int xc_memory_hypercall_page(domid_t domid, xen_pfn_t mfn);

/* Checks the page tables below this frame, a level-4 table, and makes them such. */
int xc_memory_pin_l4(domid_t domid, xen_pfn_t mfn);

/* What XENMEM_memory_map tells it: all of [0, bytes) is RAM; or these regions, XC_MAX_REGIONS at most. */
int xc_memory_set_map(domid_t domid, uint64_t bytes);
#define XC_MAX_REGIONS 16
int xc_memory_set_regions(domid_t domid, const struct hvm_memmap_table_entry *regions, unsigned int nr);

#endif
