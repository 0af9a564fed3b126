/* SPDX-License-Identifier: MIT */
#include "pvguest/pool.h"
#include "pvguest/cpu.h"
#include <stdlib.h>

void *pool_alloc(struct pool *pool)
{
    bool masked = upcalls_disable();
    void **object = pool->first;

    if (object) {
        pool->first = *object;
        pool->nr--;
    }
    upcalls_restore(masked);
    return object ? object : malloc(pool->size);
}

void pool_free(struct pool *pool, void *object)
{
    bool masked = upcalls_disable();
    bool keep = pool->nr < pool->most;

    if (keep) {
        *(void **)object = pool->first;
        pool->first = object;
        pool->nr++;
    }
    upcalls_restore(masked);
    if (!keep)
        free(object);
}
