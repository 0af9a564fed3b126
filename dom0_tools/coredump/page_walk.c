/* SPDX-License-Identifier: MIT */
#include "dom0_tools/coredump/page_walk.h"
#include "pvguest/pagetable.h"
#include "pvguest/vmap.h"

#include <stdlib.h>

#define PAGE        4096UL
#define HV_SLOT     256U /* L4 slots that are the hypervisor's */
#define HV_SLOT_END 272U
#define PTE_LARGE   (1UL << 7)
#define MAX_RUNS    (1U << 20)
#define ALL_32_BITS (1UL << 20) /* pages */

/* Index: enum paging. */
static const struct format {
    unsigned int levels, index_bits, top_entries;
    unsigned int large_levels; /* the highest level whose entries may be pages */
    uint64_t root_mask;        /* what of CR3 is an address */
} formats[] = {
    [PAGING_PV] = { 4, 9, 512, 2, PTE_FRAME },       [PAGING_5_LEVELS] = { 5, 9, 512, 3, PTE_FRAME },
    [PAGING_4_LEVELS] = { 4, 9, 512, 3, PTE_FRAME }, [PAGING_PAE] = { 3, 9, 4, 2, 0xffffffe0 },
    [PAGING_32] = { 2, 10, 1024, 2, 0xfffff000 },
};

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

static bool walk_table(struct page_walk *walk, uint64_t address, unsigned int level, uint64_t va);

/* An entry that is present. The low bits of a large page's frame number are attributes. */
static bool walk_entry(struct page_walk *walk, pte_t pte, unsigned int level, uint64_t va)
{
    const struct format *format = &formats[walk->paging];
    uint64_t count = 1UL << format->index_bits * (level - 1);

    if (level == 1)
        return add(walk, va, pte_mfn(pte), 1);
    if (level <= format->large_levels && (pte & PTE_LARGE) != 0)
        return add(walk, va, pte_mfn(pte) & ~(count - 1), count);
    return walk_table(walk, pte & PTE_FRAME, level - 1, va);
}

/* Addresses of 48 and 57 bits are sign-extended. */
static uint64_t entry_address(const struct format *format, uint64_t va, unsigned int level, unsigned int i)
{
    uint64_t address = va | (uint64_t)i << (12 + format->index_bits * (level - 1));

    return level >= 4 && level == format->levels && i >= format->top_entries / 2
               ? address | ~0UL << (12 + format->index_bits * level)
               : address;
}

static pte_t read_entry(const struct format *format, const volatile char *table, unsigned int i)
{
    return format->index_bits == 9 ? ((const volatile pte_t *)table)[i]
                                   : ((const volatile uint32_t *)table)[i];
}

/* A table that cannot be mapped is not the domain's, or no table any more: nothing is seen through it. */
static bool walk_table(struct page_walk *walk, uint64_t address, unsigned int level, uint64_t va)
{
    const struct format *format = &formats[walk->paging];
    unsigned int entries = level == format->levels ? format->top_entries : 1U << format->index_bits;
    xen_pfn_t frame = address / PAGE;
    const volatile char *table;
    bool ok = true;

    if (walk->tables-- == 0)
        return false;
    table = map_foreign(walk->domid, &frame, 1, PTE_RO, NULL);
    for (unsigned int i = 0; table != NULL && ok && i < entries; i++) {
        pte_t pte = read_entry(format, table + address % PAGE, i);

        if ((pte & PTE_PRESENT) != 0 &&
            (walk->paging != PAGING_PV || level != 4 || i < HV_SLOT || i >= HV_SLOT_END))
            ok = walk_entry(walk, pte, level, entry_address(format, va, level, i));
    }
    if (table != NULL)
        unmap_frames((void *)(uintptr_t)table, 1);
    return ok;
}

bool page_walk(struct page_walk *walk, domid_t domid, enum paging paging, uint64_t root,
               uint64_t domain_pages)
{
    *walk = (struct page_walk){ .domid = domid, .paging = paging, .tables = domain_pages + 1024 };
    if (paging == PAGING_NONE)
        return add(walk, 0, 0, ALL_32_BITS);
    return walk_table(walk, root & formats[paging].root_mask, formats[paging].levels, 0);
}

void page_walk_free(struct page_walk *walk)
{
    free(walk->mapping);
    walk->mapping = NULL;
}
