/* SPDX-License-Identifier: MIT */
#include "hv/boot/direct_memory.h"
#include "hv/hvm/hvm.h"
#include "hv/lib/printf.h"
#include "hv/lib/string.h"
#include "hv/mm/m2p.h"

static char why[120];

static uint64_t end_of(const struct hvm_memmap_table_entry *e)
{
    return e->addr + e->size;
}

/* Whether two pieces, the second behind the first, are one. */
static bool joins(const struct hvm_memmap_table_entry *a, const struct hvm_memmap_table_entry *b)
{
    return a->type == b->type && end_of(a) == b->addr;
}

static void take_out(struct pvh_layout *l, unsigned int i)
{
    l->nr_memmap--;
    memmove(&l->memmap[i], &l->memmap[i + 1], (l->nr_memmap - i) * sizeof(l->memmap[0]));
}

/* In ascending order, with what touches it as one. False: there are too many pieces. */
static bool note(struct pvh_layout *l, uint64_t start, uint64_t size, uint32_t type)
{
    struct hvm_memmap_table_entry *map = l->memmap;
    unsigned int i = l->nr_memmap;

    if (i == PVH_MAX_MEMMAP)
        return false;
    while (i && map[i - 1].addr > start)
        i--;
    memmove(&map[i + 1], &map[i], (l->nr_memmap - i) * sizeof(map[0]));
    map[i] = (struct hvm_memmap_table_entry){ .addr = start, .size = size, .type = type };
    l->nr_memmap++;
    if (i + 1 < l->nr_memmap && joins(&map[i], &map[i + 1])) {
        map[i].size += map[i + 1].size;
        take_out(l, i + 1);
    }
    if (i && joins(&map[i - 1], &map[i])) {
        map[i - 1].size += map[i].size;
        take_out(l, i);
    }
    return true;
}

static bool enter(struct domain *d, mfn_t m, unsigned int order)
{
    int rc;

    for (uint64_t i = 0; i < BIT(order); i++)
        m2p_set(mfn_add(m, i), m.m + i);
    spin_lock(&d->mmu_lock);
    rc = p2m_set(d, gfn(m.m), m, order, P2M_RAM);
    spin_unlock(&d->mmu_lock);
    return rc == 0;
}

/* The largest piece that 32-bit code and devices reach. */
static const struct hvm_memmap_table_entry *largest_low(const struct pvh_layout *l)
{
    const struct hvm_memmap_table_entry *best = NULL;

    for (unsigned int i = 0; i < l->nr_memmap; i++) {
        const struct hvm_memmap_table_entry *e = &l->memmap[i];

        if (e->type == XEN_HVM_MEMMAP_TYPE_RAM && end_of(e) <= GIB(4) && (!best || e->size > best->size))
            best = e;
    }
    return best;
}

/* Pieces as large as there are, below 4 GiB as long as there are any. */
static const char *take(struct domain *d, uint64_t left, uint64_t kernel_end, struct pvh_layout *l)
{
    unsigned int order = FRAME_ORDER_MAX, flags = ALLOC_BELOW_4G;

    while (left) {
        struct frame *f = BIT(order) <= left ? domain_alloc_frames(d, order, flags) : NULL;
        mfn_t m;

        if (!f && order > P2M_ORDER_2M) {
            order--;
            continue;
        }
        if (!f && flags) {
            flags = 0;
            order = FRAME_ORDER_MAX;
            continue;
        }
        if (!f) {
            snprintf(why, sizeof(why), "the machine has %lu KiB less than its memory in pieces of 2 MiB",
                     left * 4);
            return why;
        }
        m = frame_to_mfn(f);
        if (m.m << PAGE_SHIFT < kernel_end)
            return "the machine's memory for it lies where its kernel is to be loaded";
        if (!note(l, m.m << PAGE_SHIFT, PAGE_SIZE << order, XEN_HVM_MEMMAP_TYPE_RAM))
            return "the machine's memory is in too many pieces";
        if (!enter(d, m, order))
            return "out of memory for its second-level page table";
        left -= BIT(order);
    }
    return NULL;
}

const char *direct_memory_allocate(struct domain *d, uint64_t pages, uint64_t kernel, uint64_t kernel_end,
                                   struct pvh_layout *l)
{
    const struct hvm_memmap_table_entry *low;
    const char *bad;

    l->nr_memmap = 0;
    (void)note(l, kernel, kernel_end - kernel, XEN_HVM_MEMMAP_TYPE_RESERVED);
    bad = take(d, ALIGN_UP(pages, BIT(P2M_ORDER_2M)), kernel_end, l);
    if (bad)
        return bad;
    low = largest_low(l);
    if (!low)
        return "the machine has no memory for it below 4 GiB";
    l->base = low->addr;
    l->low_end = low->size;
    return NULL;
}
