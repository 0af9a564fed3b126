/* SPDX-License-Identifier: MIT */
#include "split_drivers/blkfront_pool.h"
#include "pvguest/grant_table.h"
#include "pvguest/pagetable.h"
#include "pvguest/vmap.h"
#include <string.h>

void blkfront_pool_init(struct blkfront_pool *pool, domid_t backend)
{
    mutex_init(&pool->lock);
    pool->backend = backend;
}

void blkfront_pool_end(struct blkfront_pool *pool)
{
    if (!pool->base)
        return;
    /* A page that the backend still has mapped cannot be used for anything else. */
    for (unsigned int i = 0; i < pool->filled; i++)
        if (!pool->refs[i] || !gnttab_end_access(pool->refs[i]))
            vmap_depopulate(pool->base + i * PAGE_SIZE, 1);
    vmap_release(pool->base, BLKFRONT_POOL_PAGES);
    pool->base = NULL;
}

/* The first of so many unused pages in a row, or BLKFRONT_POOL_PAGES. */
static unsigned int find_unused(const struct blkfront_pool *pool, size_t pages)
{
    unsigned int first = 0;

    for (unsigned int i = 0; i < BLKFRONT_POOL_PAGES; i++) {
        if (pool->used[i])
            first = i + 1;
        else if (i + 1 - first == pages)
            return first;
    }
    return BLKFRONT_POOL_PAGES;
}

/* Makes the pages before `end` real and grants them. */
static bool fill(struct blkfront_pool *pool, unsigned int end)
{
    unsigned int first = pool->filled;

    if (first >= end)
        return true;
    if (!vmap_populate(pool->base + first * PAGE_SIZE, end - first))
        return false;
    for (unsigned int i = first; i < end; i++) {
        unsigned long mfn = pte_mfn(pt_lookup((unsigned long)pool->base + i * PAGE_SIZE));
        int ref = gnttab_grant_access(pool->backend, mfn, false);

        pool->refs[i] = ref < 0 ? 0 : (grant_ref_t)ref;
    }
    pool->filled = end;
    return true;
}

void *blkfront_pool_alloc(struct blkfront_pool *pool, size_t pages)
{
    unsigned int first;
    char *buffer = NULL;

    mutex_lock(&pool->lock);
    if (!pool->base)
        pool->base = vmap_reserve(BLKFRONT_POOL_PAGES, false);
    first = find_unused(pool, pages);
    if (pool->base && first < BLKFRONT_POOL_PAGES && fill(pool, first + (unsigned int)pages)) {
        memset(&pool->used[first], true, pages);
        buffer = pool->base + first * PAGE_SIZE;
    }
    mutex_unlock(&pool->lock);
    return buffer;
}

bool blkfront_pool_free(struct blkfront_pool *pool, void *buffer, size_t pages)
{
    size_t first = ((uintptr_t)buffer - (uintptr_t)pool->base) / PAGE_SIZE;

    if (!pool->base || first >= BLKFRONT_POOL_PAGES)
        return false;
    mutex_lock(&pool->lock);
    memset(&pool->used[first], false, pages);
    mutex_unlock(&pool->lock);
    return true;
}
