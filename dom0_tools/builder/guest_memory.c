/* SPDX-License-Identifier: MIT */
#include "dom0_tools/builder/guest_memory.h"
#include "dom0_tools/xc/memory.h"
#include "pvguest/vmap.h"

#include <stdlib.h>

/* Frames of 2 MiB, where there are any, cost one allocation and not 512. */
#define LARGE_ORDER 9
#define LARGE_PAGES (1UL << LARGE_ORDER)
#define BATCH       512

/* Up to a batch of pieces of 2^order from page frame `pfn` on; returns how many pages came. */
static uint64_t populate_batch(struct guest_memory *memory, uint64_t pfn, unsigned int order)
{
    xen_pfn_t extents[BATCH];
    uint64_t size = 1UL << order;
    size_t nr = (memory->pages - pfn) / size;

    if (nr > BATCH)
        nr = BATCH;
    for (size_t i = 0; i < nr; i++)
        extents[i] = pfn + i * size;
    nr = xc_memory_populate(memory->domid, extents, nr, order);
    for (size_t i = 0; i < nr; i++)
        for (uint64_t j = 0; j < size; j++)
            memory->p2m[pfn + i * size + j] = extents[i] + j;
    return nr * size;
}

bool guest_memory_populate(struct guest_memory *memory, domid_t domid, uint64_t pages, uint64_t *got)
{
    unsigned int order = LARGE_ORDER;

    *got = 0;
    *memory = (struct guest_memory){ .domid = domid, .pages = pages };
    memory->p2m = calloc(pages, sizeof(*memory->p2m));
    if (memory->p2m == NULL)
        return false;
    while (*got < pages) {
        uint64_t more = populate_batch(memory, *got, order);

        *got += more;
        if (more == 0 && order == 0)
            return false;
        if (more == 0)
            order = 0;
    }
    return true;
}

void guest_memory_free(struct guest_memory *memory)
{
    free(memory->p2m);
    memory->p2m = NULL;
}

void *guest_memory_map(const struct guest_memory *memory, uint64_t pfn, size_t count)
{
    return map_foreign(memory->domid, memory->p2m + pfn, count, PTE_RW, NULL);
}

void guest_memory_unmap(void *window, size_t count)
{
    if (window != NULL)
        unmap_frames(window, count);
}
