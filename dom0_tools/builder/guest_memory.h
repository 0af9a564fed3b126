/* SPDX-License-Identifier: MIT */
/* The memory of a domain that is being built: its frames, and windows to them. */
#ifndef DOM0_BUILDER_GUEST_MEMORY_H
#define DOM0_BUILDER_GUEST_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <xen/xen.h>

struct guest_memory {
    domid_t domid;
    uint64_t pages;
    xen_pfn_t *p2m; /* machine frame of each page frame */
};

/* Gives the domain `pages` frames, in pieces as large as there are. False when the machine or this domain has
 * not enough memory: *got is how many it has then. guest_memory_free() in either case. */
bool guest_memory_populate(struct guest_memory *memory, domid_t domid, uint64_t pages, uint64_t *got);
void guest_memory_free(struct guest_memory *memory);

/* Maps page frames [pfn, pfn + count) writable, one after the other; NULL when this domain has no memory for
 * that. */
void *guest_memory_map(const struct guest_memory *memory, uint64_t pfn, size_t count);
void guest_memory_unmap(void *window, size_t count);

#endif
