/* SPDX-License-Identifier: MIT */
/*
 * Memory that devices can address: contiguous in machine memory and below a limit. The domain's frames are
 * rarely so by chance; they are exchanged for such as are (XENMEM_exchange, <xen/memory.h>). Threads only.
 */
#ifndef PVGUEST_DMA_H
#define PVGUEST_DMA_H

#include <stdbool.h>
#include <stdint.h>

/* 2^order pages whose machine addresses, the first of which goes to *bus, are consecutive and below
 * 2^address_bits; contents undefined. NULL: the domain has no memory, or the machine none of that kind.
 * page_free() takes the pages back. */
void *dma_alloc(unsigned int order, unsigned int address_bits, uint64_t *bus);

/* Whether the address in the page-table entry of a mapped page is one that devices take: not where a PVH
 * guest maps a frame of another domain, which has another number for the machine. */
bool dma_reaches(const void *page);

#endif
