/* SPDX-License-Identifier: MIT */
#include "hv/lib/pv_layout.h"
#include "hv/lib/printf.h"
#include "hv/lib/string.h"

#define REGION_PADDING 0x80000UL
#define REGION_ALIGN   0x400000UL

static uint64_t spanned(uint64_t start, uint64_t end, unsigned int shift)
{
    return ((end - 1) >> shift) - (start >> shift) + 1;
}

/* Page-table pages below the L4 that map [start, end). */
static uint64_t tables_for(uint64_t start, uint64_t end)
{
    return spanned(start, end, 21) + spanned(start, end, 30) + spanned(start, end, 39);
}

/*
 * The tables map themselves, so their number is found by trying. False when the address space ends before the
 * region does. A small domain's region ends with its pages.
 */
static bool plan_tables(struct pv_layout *l)
{
    for (l->nr_tables = 1;; l->nr_tables++) {
        uint64_t least = l->tables + (l->nr_tables + 1) * PAGE_SIZE + REGION_PADDING;
        uint64_t rounded = ALIGN_UP(least, REGION_ALIGN);

        if (l->tables < l->image.end || rounded < l->tables)
            return false;
        l->stack = l->tables + l->nr_tables * PAGE_SIZE;
        l->end = l->base + min(rounded - l->base, max(least - l->base, l->pages * PAGE_SIZE));
        if (tables_for(l->base, l->end) + 1 <= l->nr_tables)
            return true;
    }
}

/* What lies inside the region. */
static bool plan_region(struct pv_layout *l, bool rings)
{
    uint64_t va = ALIGN_UP(l->image.end, PAGE_SIZE);

    if (l->initrd_size && !l->initrd_by_pfn) {
        l->initrd = va;
        va += ALIGN_UP(l->initrd_size, PAGE_SIZE);
    }
    if (!l->p2m_elsewhere) {
        l->p2m_list = va;
        va += ALIGN_UP(l->pages * 8, PAGE_SIZE);
    }
    l->start_info = va;
    va += PAGE_SIZE;
    if (rings) {
        l->store = va;
        l->console = va + PAGE_SIZE;
        va += 2 * PAGE_SIZE;
    }
    l->tables = va;
    return plan_tables(l);
}

bool pv_layout_plan(struct pv_layout *l, const struct xen_notes *notes, const struct xen_pv_range *image,
                    uint64_t pages, uint64_t initrd_size, bool rings, char *why)
{
    uint64_t p2m_bytes = pages * 8;

    *l = (struct pv_layout){ .image = *image,
                             .base = notes->virt_base,
                             .pages = pages,
                             .initrd_size = initrd_size,
                             .init_p2m = notes->init_p2m,
                             .initrd_by_pfn = notes->mod_start_pfn,
                             .p2m_elsewhere = xen_notes_use_init_p2m(notes) };
    if (!plan_region(l, rings)) {
        snprintf(why, ELF_WHY_SIZE, "the kernel's VIRT_BASE 0x%lx leaves no address space behind its image",
                 (unsigned long)l->base);
        return false;
    }
    l->used = pv_layout_pfn(l, l->end);
    if (initrd_size && l->initrd_by_pfn) {
        l->initrd_pfn = l->used;
        l->used += pv_layout_pages(initrd_size);
    }
    if (l->p2m_elsewhere) {
        l->p2m_pfn = l->used;
        l->nr_p2m_frames = pv_layout_pages(p2m_bytes) + tables_for(l->init_p2m, l->init_p2m + p2m_bytes);
        l->used += l->nr_p2m_frames;
    }
    if (l->used <= pages)
        return true;
    snprintf(why, ELF_WHY_SIZE, "its memory of %lu KiB is too small: kernel, initrd and tables need %lu KiB",
             (unsigned long)pages * 4, (unsigned long)l->used * 4);
    return false;
}

uint64_t pv_layout_initrd_pfn(const struct pv_layout *l)
{
    return l->initrd_by_pfn ? l->initrd_pfn : pv_layout_pfn(l, l->initrd);
}

uint64_t pv_layout_p2m_pfn(const struct pv_layout *l)
{
    return l->p2m_elsewhere ? l->p2m_pfn : pv_layout_pfn(l, l->p2m_list);
}

bool pv_layout_writable(const struct pv_layout *l, uint64_t pfn)
{
    uint64_t tables = pv_layout_pfn(l, l->tables);

    if (pfn >= tables && pfn < tables + l->nr_tables)
        return false;
    return !l->p2m_elsewhere || pfn < l->p2m_pfn + pv_layout_pages(l->pages * 8) ||
           pfn >= l->p2m_pfn + l->nr_p2m_frames;
}

void pv_layout_start_info(const struct pv_layout *l, struct start_info *si, uint64_t shared_info,
                          const char *cmdline)
{
    size_t len = min(strlen(cmdline), sizeof(si->cmd_line) - 1);

    snprintf(si->magic, sizeof(si->magic), "xen-3.0-x86_64");
    si->nr_pages = l->pages;
    si->shared_info = shared_info;
    si->pt_base = l->tables;
    si->nr_pt_frames = l->nr_tables;
    si->mfn_list = l->p2m_elsewhere ? l->init_p2m : l->p2m_list;
    si->first_p2m_pfn = l->p2m_pfn;
    si->nr_p2m_frames = l->nr_p2m_frames;
    if (l->initrd_size) {
        si->mod_start = l->initrd_by_pfn ? l->initrd_pfn : l->initrd;
        si->mod_len = l->initrd_size;
        if (l->initrd_by_pfn)
            si->flags |= SIF_MOD_START_PFN;
    }
    memcpy(si->cmd_line, cmdline, len);
    si->cmd_line[len] = '\0';
}
