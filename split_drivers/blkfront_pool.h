/* SPDX-License-Identifier: MIT */
/*
 * Pages for the data of a disk's requests, granted to its backend once and for all, so that a backend that
 * takes lasting requests (blkif_ring.h) maps them once. They stay granted while they are not in use, for
 * other uses of the same disk only. Threads only, unless a comment says otherwise.
 */
#ifndef SPLIT_DRIVERS_BLKFRONT_POOL_H
#define SPLIT_DRIVERS_BLKFRONT_POOL_H

#include "pvguest/memory.h"
#include "pvguest/sync.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <xen/xen.h>
#include <xen/grant_table.h>

/* As many as our backend leaves mapped. */
#define BLKFRONT_POOL_PAGES 1024

struct blkfront_pool {
    struct mutex lock;
    domid_t backend;
    char *base;          /* address space for all pages, or NULL */
    unsigned int filled; /* pages behind it, the first ones */
    bool used[BLKFRONT_POOL_PAGES];
    grant_ref_t refs[BLKFRONT_POOL_PAGES]; /* 0: the page could not be granted, or is none */
};

/* Takes memory when the first page is asked for. */
void blkfront_pool_init(struct blkfront_pool *pool, domid_t backend);

/* Gives back what the backend, which has disconnected, does not hold any more. No page is in use. */
void blkfront_pool_end(struct blkfront_pool *pool);

/* Consecutive pages, contents undefined; NULL: no memory, or no room. */
void *blkfront_pool_alloc(struct blkfront_pool *pool, size_t pages);

/* False: they are none of the pool's. */
bool blkfront_pool_free(struct blkfront_pool *pool, void *buffer, size_t pages);

/* The grant of the page in which an address is; 0: there is none. Any context. */
static inline grant_ref_t blkfront_pool_ref(const struct blkfront_pool *pool, const void *virt)
{
    uintptr_t page = ((uintptr_t)virt - (uintptr_t)pool->base) >> PAGE_SHIFT;

    return page < BLKFRONT_POOL_PAGES ? pool->refs[page] : 0;
}

#endif
