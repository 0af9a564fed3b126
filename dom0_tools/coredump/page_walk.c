/* SPDX-License-Identifier: MIT */
#include "dom0_tools/coredump/page_walk.h"
#include "pvguest/pagetable.h"
#include "pvguest/vmap.h"

#include <stdlib.h>

#define ENTRIES     512U
#define HV_SLOT     256U /* L4 slots that are the hypervisor's */
#define HV_SLOT_END 272U
#define PTE_LARGE   (1UL << 7)
#define MAX_RUNS    (1U << 20)

static bool add(struct page_walk *walk, uint64_t va, uint64_t mfn, uint64_t count)
{
    struct mapping *last = walk->nr != 0 ? &walk->mapping[walk->nr - 1] : NULL;

    if (last != NULL && mfn == walk->last && count == 1)
        return true;
    walk->last = mfn + count - 1;
    walk->pages += count;
    if (last != NULL && last->va + last->count * 4096 == va && last->mfn + last->count == mfn) {
        last->count += count;
        return true;
    }
    if (walk->nr == walk->room) {
        size_t room = walk->room == 0 ? 256 : walk->room * 2;
        struct mapping *grown = room <= MAX_RUNS ? realloc(walk->mapping, room * sizeof(*grown)) : NULL;

        if (grown == NULL)
            return false;
        walk->mapping = grown;
        walk->room = room;
    }
    walk->mapping[walk->nr++] = (struct mapping){ va, mfn, count };
    return true;
}

static bool walk_table(struct page_walk *walk, xen_pfn_t mfn, unsigned int level, uint64_t va);

/* An entry that is present. */
static bool walk_entry(struct page_walk *walk, pte_t pte, unsigned int level, uint64_t va)
{
    if (level == 1)
        return add(walk, va, pte_mfn(pte), 1);
    if (level == 2 && (pte & PTE_LARGE) != 0)
        return add(walk, va, pte_mfn(pte), ENTRIES);
    return walk_table(walk, pte_mfn(pte), level - 1, va);
}

static uint64_t entry_address(uint64_t va, unsigned int level, unsigned int i)
{
    uint64_t address = va | (uint64_t)i << (12 + 9 * (level - 1));

    return level == 4 && i >= ENTRIES / 2 ? address | 0xffff000000000000 : address;
}

/* A table that cannot be mapped is not the domain's, or no table any more: nothing is seen through it. */
static bool walk_table(struct page_walk *walk, xen_pfn_t mfn, unsigned int level, uint64_t va)
{
    const volatile pte_t *table;
    bool ok = true;

    if (walk->tables-- == 0)
        return false;
    table = map_foreign(walk->domid, &mfn, 1, PTE_RO, NULL);
    for (unsigned int i = 0; table != NULL && ok && i < ENTRIES; i++) {
        pte_t pte = table[i];

        if ((pte & PTE_PRESENT) != 0 && (level != 4 || i < HV_SLOT || i >= HV_SLOT_END))
            ok = walk_entry(walk, pte, level, entry_address(va, level, i));
    }
    if (table != NULL)
        unmap_frames((void *)(uintptr_t)table, 1);
    return ok;
}

bool page_walk(struct page_walk *walk, domid_t domid, uint64_t l4_mfn, uint64_t domain_pages)
{
    *walk = (struct page_walk){ .domid = domid, .tables = domain_pages + 1024 };
    return walk_table(walk, l4_mfn, 4, 0);
}

void page_walk_free(struct page_walk *walk)
{
    free(walk->mapping);
    walk->mapping = NULL;
}
