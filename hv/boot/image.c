/* SPDX-License-Identifier: MIT */
/* The hypervisor's own image: mapped with one right per page (W^X), and its boot-only part given back. */
#include "hv/boot/start.h"
#include "hv/cpu/ipi.h"
#include "hv/io/console.h"
#include "hv/lib/bug.h"
#include "hv/mm/frame.h"
#include "hv/mm/paging.h"

extern char image_start[], image_end[], text_start[], text_end[], rodata_start[], rodata_end[];
extern char ro_after_init_start[], ro_after_init_end[], init_start[], init_text_end[], init_end[];

static pte_t *__init new_table(void)
{
    pte_t *t = hv_alloc_pages(0, ALLOC_ZERO);

    if (!t)
        panic("out of memory for the page tables of the hypervisor's image\n");
    return t;
}

static bool __init within(uint64_t va, const char *start, const char *end)
{
    return va >= (uint64_t)start && va < (uint64_t)end;
}

static uint64_t __init rights(uint64_t va)
{
    if (within(va, text_start, text_end) || within(va, init_start, init_text_end))
        return HV_RX | PTE_G;
    return (within(va, rodata_start, rodata_end) ? HV_RO : HV_RW) | PTE_G;
}

/* The boot tables map the image by writable and executable 2 MiB pages: replace them by 4 KiB pages. */
void __init image_protect(void)
{
    const uint64_t tables = PTE_P | PTE_RW | PTE_A;
    pte_t *l3 = new_table(), *l2 = new_table(), *l1 = NULL;

    l3[pt_index(IMAGE_START, 3)] = pte_make(virt_to_mfn(l2), tables);
    for (uint64_t va = (uint64_t)image_start; va < (uint64_t)image_end; va += PAGE_SIZE) {
        pte_t *e = &l2[pt_index(va, 2)];

        if (!*e)
            *e = pte_make(virt_to_mfn(l1 = new_table()), tables);
        l1[pt_index(va, 1)] = pte_make(mfn((va - IMAGE_START) >> PAGE_SHIFT), rights(va));
    }
    idle_l4[SLOT_IMAGE] = pte_make(virt_to_mfn(l3), tables);
    tlb_flush_local();
}

/* Not itself in the part that goes. @pre every CPU is up and nothing of .init is used any more */
void image_finish(void)
{
    uint64_t ro_pages = (uint64_t)(ro_after_init_end - ro_after_init_start) >> PAGE_SHIFT;
    uint64_t init_pages = (uint64_t)(init_end - init_start) >> PAGE_SHIFT;
    mfn_t first = mfn(((uint64_t)init_start - IMAGE_START) >> PAGE_SHIFT);

    hv_protect((uint64_t)ro_after_init_start, ro_pages, HV_RO);
    hv_unmap((uint64_t)init_start, init_pages);
    frame_alloc_add_range(first, mfn_add(first, init_pages));
    printk(LOG_DEBUG "image: %lu KiB of boot code freed\n", init_pages * 4);
}
