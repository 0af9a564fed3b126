/* SPDX-License-Identifier: MIT */
/*
 * Guest descriptor tables.
 *
 * A guest's GDT and LDT pages are typed seg_desc (hv/pv/page_type.c): the guest cannot write them, so each
 * descriptor in them has passed pv_descriptor_ok(). The CPU reads them through the vCPU's window
 * (hv/pv/window.c): 16 pages of GDT (14 of the guest, one of the CPU it runs on), then 16 pages of LDT. GDT
 * pages are mapped by set_gdt; LDT pages one by one when the CPU first faults on them, because guests set
 * large LDTs and use little of them. The windows are writable for the CPU's accessed bits.
 *
 * Rules: what is not present may hold anything; code and data segments get DPL 3; of the system descriptors
 * only call gates to the guest's own code selectors pass, neutralised to DPL 0 so that using one faults.
 */
#include "hv/cpu/desc.h"
#include "hv/cpu/ipi.h"
#include "hv/lib/errno.h"
#include "hv/mm/paging.h"
#include "hv/pv/page_type.h"
#include "hv/pv/pv.h"
#include "hv/pv/pv_mm.h"

#define DESC_TYPE(d)    (((d) >> 40) & 15)
#define DESC_S          BIT(44)
#define DESC_DPL_SHIFT  45
#define DESC_DPL        (3UL << DESC_DPL_SHIFT)
#define DESC_P          BIT(47)
#define TYPE_UPPER_HALF 0
#define TYPE_CALL_GATE  12
/* Parameter count and reserved bits of a 64-bit call gate. */
#define GATE_RESERVED    (0xffUL << 32)
#define DESC_ENTRIES_MAX 8192
#define DESCS_PER_PAGE   (PAGE_SIZE / 8)

static bool gate_selector_ok(uint16_t sel)
{
    return (sel & 4) || sel >> 3 < FIRST_RESERVED_GDT_ENTRY || (sel | 3) == SEL_GUEST_CS64 ||
           (sel | 3) == SEL_GUEST_CS32;
}

bool pv_descriptor_ok(uint64_t *desc)
{
    uint64_t d = *desc;
    uint16_t sel = (uint16_t)(d >> 16);

    if (!(d & DESC_P))
        return true;
    if (d & DESC_S) {
        *desc = d | DESC_DPL;
        return true;
    }
    if (DESC_TYPE(d) == TYPE_UPPER_HALF)
        return true;
    if (DESC_TYPE(d) != TYPE_CALL_GATE || !gate_selector_ok(sel) || (d & GATE_RESERVED))
        return false;
    /* The gate's own DPL is kept in the selector's RPL. */
    sel = (uint16_t)((sel & ~3u) | ((d & DESC_DPL) >> DESC_DPL_SHIFT));
    *desc = (d & ~(DESC_DPL | 0xffff0000UL)) | (uint64_t)sel << 16;
    return true;
}

/* CPUs that may have used v's windows forget them. */
static void flush_windows(struct vcpu *v)
{
    if (v == current)
        tlb_flush_local();
    else if (v->dirty_cpus.bits)
        tlb_flush_mask(v->dirty_cpus, FLUSH_ALL_VA);
}

static void put_seg_desc(mfn_t m)
{
    (void)page_put_type(mfn_to_frame(m)); /* only tables are ever released in steps */
}

static unsigned int gdt_pages(unsigned int entries)
{
    return DIV_ROUND_UP(entries, DESCS_PER_PAGE);
}

void pv_drop_gdt(struct vcpu *v)
{
    unsigned int pages = gdt_pages(v->pv.gdt_entries);

    if (!pages)
        return;
    for (unsigned int i = 0; i < pages; i++)
        WRITE_ONCE(v->pv.window[i], 0);
    flush_windows(v);
    for (unsigned int i = 0; i < pages; i++) {
        put_seg_desc(mfn(v->pv.gdt_frames[i]));
        v->pv.gdt_frames[i] = 0;
    }
    v->pv.gdt_entries = 0;
}

/* Reference all pages, or none. */
static int get_gdt_pages(struct domain *d, const uint64_t *frames, unsigned int pages)
{
    for (unsigned int i = 0; i < pages; i++) {
        if (page_get_type(mfn(frames[i]), d, PGT_SEG_DESC) == 0)
            continue;
        while (i)
            put_seg_desc(mfn(frames[--i]));
        return -EINVAL;
    }
    return 0;
}

int pv_set_gdt(struct vcpu *v, const uint64_t *frames, uint32_t entries)
{
    unsigned int pages = gdt_pages(entries);
    int rc;

    if (entries > FIRST_RESERVED_GDT_ENTRY)
        return -EINVAL;
    spin_lock(&v->domain->mmu_lock);
    rc = get_gdt_pages(v->domain, frames, pages);
    if (rc == 0) {
        pv_drop_gdt(v);
        for (unsigned int i = 0; i < pages; i++) {
            v->pv.gdt_frames[i] = frames[i];
            WRITE_ONCE(v->pv.window[i], pte_make(mfn(frames[i]), HV_RW));
        }
        v->pv.gdt_entries = (uint16_t)entries;
    }
    spin_unlock(&v->domain->mmu_lock);
    return rc;
}

/* Lock: mmu_lock. */
static bool ldt_frame_of(struct vcpu *v, uint64_t va, mfn_t *m)
{
    const pte_t *slot = pv_l1e_of(v, va);
    pte_t e = slot ? READ_ONCE(*slot) : 0;

    *m = pte_mfn(e);
    return e & PTE_P;
}

bool pv_map_ldt_page(struct vcpu *v, uint32_t page)
{
    bool ok = false;
    mfn_t m;

    /* A page wholly behind the limit is never mapped: its contents would stay readable after the LDT shrinks.
     */
    if (page >= LDT_WINDOW_PAGES || page * DESCS_PER_PAGE >= v->pv.ldt_entries ||
        (v->pv.shadow_ldt_mapped & BIT(page)))
        return false;
    spin_lock(&v->domain->mmu_lock);
    if (ldt_frame_of(v, v->pv.ldt_base + ((uint64_t)page << PAGE_SHIFT), &m) &&
        page_get_type(m, v->domain, PGT_SEG_DESC) == 0) {
        WRITE_ONCE(v->pv.window[GDT_WINDOW_PAGES + page], pte_make(m, HV_RW));
        v->pv.shadow_ldt_mapped |= (uint32_t)BIT(page);
        ok = true;
    }
    spin_unlock(&v->domain->mmu_lock);
    return ok;
}

/* The CPUs forget the pages before these may change their type. */
void pv_drop_ldt(struct vcpu *v)
{
    uint64_t mapped = v->pv.shadow_ldt_mapped;
    mfn_t pages[LDT_WINDOW_PAGES];
    unsigned int page;

    if (likely(!mapped))
        return;
    for_each_set_bit (page, &mapped, LDT_WINDOW_PAGES) {
        pages[page] = pte_mfn(v->pv.window[GDT_WINDOW_PAGES + page]);
        WRITE_ONCE(v->pv.window[GDT_WINDOW_PAGES + page], 0);
    }
    v->pv.shadow_ldt_mapped = 0;
    flush_windows(v);
    for_each_set_bit (page, &mapped, LDT_WINDOW_PAGES)
        put_seg_desc(pages[page]);
}

int pv_set_ldt(struct vcpu *v, uint64_t base, uint64_t entries)
{
    if (entries > DESC_ENTRIES_MAX || (entries && !IS_ALIGNED(base, PAGE_SIZE)))
        return -EINVAL;
    if (v->pv.ldt_base == base && v->pv.ldt_entries == entries)
        return 0;
    pv_drop_ldt(v);
    v->pv.ldt_base = base;
    v->pv.ldt_entries = (uint16_t)entries;
    if (v == current)
        ldt_load(pv_ldt_window(v), v->pv.ldt_entries);
    return 0;
}
