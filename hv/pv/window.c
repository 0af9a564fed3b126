/* SPDX-License-Identifier: MIT */
/*
 * Windows: where the CPU reads a vCPU's descriptors, 16 pages of GDT and 16 of LDT. Each PV vCPU has one at
 * addresses that no other has while it lives, so that all address spaces share the tables of SLOT_WINDOWS.
 * The pages are the hypervisor's alone, and a guest's selectors stay within the limits of its own tables.
 *
 * An L1 page is the windows of 16 vCPUs. Its struct frame says which are free: a bit for each in `aux`, the
 * number of the first in `type`; pages with free windows are linked by `next`. Pages stay for the next vCPUs,
 * so that no CPU has to forget what they translate.
 */
#include "hv/lib/errno.h"
#include "hv/mm/paging.h"
#include "hv/pv/pv.h"

#define WINDOW_PTES      (GDT_WINDOW_PAGES + LDT_WINDOW_PAGES)
#define WINDOWS_PER_PAGE (PTES_PER_PAGE / WINDOW_PTES)
#define WINDOW_BYTES     (WINDOW_PTES * PAGE_SIZE)
_Static_assert(WINDOWS_PER_PAGE == 16, "aux has a bit for each window of a page");

static struct spinlock windows_lock = SPINLOCK_INIT(LOCK_VMAP); /* of all below, and the frames' fields */
static uint32_t partial;                                        /* first page with free windows, 0 = none */
static uint64_t windows;                                        /* that were made so far */

static struct frame *page_of(const pte_t *window)
{
    return mfn_to_frame(virt_to_mfn(window));
}

/* 16 more windows. */
static bool add_page(void)
{
    pte_t *page = hv_l1_table(WINDOWS_START + windows * WINDOW_BYTES);
    struct frame *f;

    if (!page)
        return false;
    f = page_of(page);
    f->type = windows;
    f->aux = (uint16_t)(BIT(WINDOWS_PER_PAGE) - 1);
    f->next = 0;
    windows += WINDOWS_PER_PAGE;
    partial = (uint32_t)frame_to_mfn(f).m;
    return true;
}

int pv_window_alloc(struct vcpu *v)
{
    struct frame *f;
    unsigned int i;
    int rc = -ENOMEM;

    spin_lock(&windows_lock);
    if (partial || add_page()) {
        f = mfn_to_frame(mfn(partial));
        i = bit_lowest(f->aux);
        f->aux &= (uint16_t)~BIT(i);
        if (!f->aux)
            partial = f->next;
        v->pv.window = (pte_t *)frame_to_virt(f) + i * WINDOW_PTES;
        v->pv.window_va = WINDOWS_START + (f->type + i) * WINDOW_BYTES;
        rc = 0;
    }
    spin_unlock(&windows_lock);
    return rc;
}

/* Its vCPU has dropped its descriptor tables. The CPU's own page stays in it: see map_reserved_gdt_page(). */
void pv_window_free(struct vcpu *v)
{
    struct frame *f;

    if (!v->pv.window)
        return;
    spin_lock(&windows_lock);
    f = page_of(v->pv.window);
    if (!f->aux) {
        f->next = partial;
        partial = (uint32_t)frame_to_mfn(f).m;
    }
    f->aux |= (uint16_t)BIT((v->pv.window_va - WINDOWS_START) / WINDOW_BYTES - f->type);
    spin_unlock(&windows_lock);
    v->pv.window = NULL;
}
