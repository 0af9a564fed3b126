/* SPDX-License-Identifier: MIT */
/*
 * Mappings of frames at addresses of the library's choice: own frames a second time, device memory, other
 * domains' frames. Threads only (they allocate memory). Addresses are page-aligned; counts are in pages.
 */
#ifndef PVGUEST_VMAP_H
#define PVGUEST_VMAP_H

#include "pvguest/pagetable.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <xen/xen.h>

/* Reserves count pages of address space with nothing mapped; with_tables also creates the page tables below
 * them, as grant mapping (grant_table.h) needs. NULL: no memory or no space. vmap_release() gives it back,
 * unmapping what is mapped there. */
void *vmap_reserve(size_t count, bool with_tables);
void vmap_release(void *addr, size_t count);

/* Puts fresh pages, contents undefined, behind count pages of a reserved area, all or none (false: no
 * memory); takes them away. */
bool vmap_populate(void *addr, size_t count);
void vmap_depopulate(void *addr, size_t count);

/* Maps count frames of this domain, or machine frames that belong to no domain if this one may access them
 * (device memory), one after the other. flags: PTE_RW or PTE_RO, with PTE_UNCACHED or PTE_WRITE_COMBINING for
 * devices. NULL if any is refused or memory is short. */
void *map_frames(const xen_pfn_t *mfns, size_t count, uint64_t flags);

/* Maps length bytes of machine address space from paddr, which need not be page-aligned; unmap_machine()
 * undoes it. */
void *map_machine(uint64_t paddr, size_t length, uint64_t flags);
void unmap_machine(void *addr, size_t length);

/* Maps frames of another domain (by its mfns if it is PV, by gfns if it is HVM); needs privilege over it.
 * errors, if not NULL, receives 0 or a negated Xen errno for each, and refused pages stay unmapped; without
 * it any refusal fails the whole call. NULL if nothing could be mapped. */
void *map_foreign(domid_t domid, const xen_pfn_t *frames, size_t count, uint64_t flags, int *errors);

/* Undoes map_frames() and map_foreign(). */
void unmap_frames(void *addr, size_t count);

#endif
