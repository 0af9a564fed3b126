/* SPDX-License-Identifier: MIT */
/*
 * Physical memory: the domain's own pages, each mapped exactly once, writable or (page tables, text)
 * read-only, in one linear area that starts with the kernel image:
 *
 *     PVG_VIRT_BASE + pfn * 4096                         the domain's page pfn
 *     PVG_HEAP_BASE, PVG_MAP_BASE                        C heap; areas that vmap.h gives out
 *     HYPERVISOR_VIRT_START (0xffff800000000000)         the hypervisor's machine-to-physical table,
 * read-only
 *
 * The builder maps the beginning of the linear area only. The rest is mapped 2 MiB at a time when the
 * allocator first needs it, so that a start costs the same in a 64 MiB and in a 64 GiB domain.
 *
 * A pfn numbers the domain's pages from 0, an mfn the machine's; page tables and hypercalls speak of mfns.
 */
#ifndef PVGUEST_MEMORY_H
#define PVGUEST_MEMORY_H

#include "pvguest/layout.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <xen/xen.h>

#define PAGE_SHIFT 12
#define PAGE_SIZE  (1UL << PAGE_SHIFT)
#define PAGE_MASK  (~(PAGE_SIZE - 1))

#define INVALID_MFN (~0UL)

extern struct start_info *start_info;
extern unsigned long
    *p2m; /* pfn -> mfn, memory_total_pages() entries; INVALID_MFN where the domain has no page */

/* 2^order contiguous pages (pseudo-physically, not in machine memory), aligned to their size; contents
 * undefined. NULL when memory is exhausted. Any context on vCPU 0. */
void *page_alloc(unsigned int order);

/* Gives back what page_alloc() gave with the same order; anything else is a panic. Any context on vCPU 0. */
void page_free(void *page, unsigned int order);

/* Lets the pages of a block from page_alloc() be given back one by one, with order 0. */
void page_split(void *block, unsigned int order);

/* One page from page_alloc(0), filled with zeroes, or NULL. */
void *page_alloc_zeroed(void);

/* Pages of the domain, with those that are only numbered, and pages that page_alloc() could still give. */
size_t memory_total_pages(void);
size_t memory_free_pages(void);

/*
 * Growth beyond the start: memory_reserve() makes room for the tables of `pages` in all; then each
 * memory_extend() numbers up to 512 further pages. These are as the balloon leaves pages: allocated, without
 * a frame, their page tables there. False: no memory now, or no room. Threads only, one at a time.
 */
bool memory_reserve(size_t pages);
bool memory_extend(void);

/* The machine frame of a page of this domain; PV only means more than the number itself. */
static inline unsigned long pfn_to_mfn(unsigned long pfn)
{
    return p2m[pfn];
}

/* Whether a frame is a page of this domain, which alone it can grant. Any context. */
bool memory_is_own(unsigned long mfn);

/* Only for frames of this domain; the entry of another's frame is arbitrary. */
static inline unsigned long mfn_to_pfn(unsigned long mfn)
{
    return ((const unsigned long *)HYPERVISOR_VIRT_START)[mfn];
}

/* Where the page is in the linear area. */
static inline void *pfn_to_virt(unsigned long pfn)
{
    return (void *)(PVG_VIRT_BASE + (pfn << PAGE_SHIFT));
}

/* Only for addresses in the linear area: from page_alloc(), or of the image's own data. */
static inline unsigned long virt_to_pfn(const void *virt)
{
    return ((unsigned long)virt - PVG_VIRT_BASE) >> PAGE_SHIFT;
}

/* The machine frame of an address in the linear area. */
static inline unsigned long virt_to_mfn(const void *virt)
{
    return pfn_to_mfn(virt_to_pfn(virt));
}

/* Where a machine frame of this domain is in the linear area. */
static inline void *mfn_to_virt(unsigned long mfn)
{
    return pfn_to_virt(mfn_to_pfn(mfn));
}

/* The console's or xenstore's ring, by the frame number in start_info. */
void *ring_to_virt(unsigned long mfn);

/* Start of day, once: takes over the builder's memory layout and makes the image's mappings W^X. */
void memory_init(struct start_info *si);

#endif
