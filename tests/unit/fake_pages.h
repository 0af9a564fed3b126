/* SPDX-License-Identifier: MIT */
/* The guest library's allocators of pages and pools for unit tests and fuzzers; counts pages that are out. */
#ifndef TESTS_UNIT_FAKE_PAGES_H
#define TESTS_UNIT_FAKE_PAGES_H

#include <stdlib.h>
#include <string.h>

#include "pvguest/memory.h"
#include "pvguest/pool.h"

static long pages_out;
static long pages_left = -1; /* -1: as many as wanted */

void *page_alloc(unsigned int order)
{
    void *page;

    if (pages_left == 0)
        return NULL;
    if (pages_left > 0)
        pages_left--;
    page = aligned_alloc(PAGE_SIZE, PAGE_SIZE << order);
    memset(page, 0xa5, PAGE_SIZE << order);
    pages_out++;
    return page;
}

void page_free(void *page, unsigned int order)
{
    (void)order;
    pages_out--;
    free(page);
}

void *pool_alloc(struct pool *pool)
{
    return malloc(pool->size);
}

void pool_free(struct pool *pool, void *object)
{
    (void)pool;
    free(object);
}

#endif
