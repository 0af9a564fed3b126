/* SPDX-License-Identifier: MIT */
/* Memory of a PVH guest: its page tables are its own, and frames are its own numbers. */
#include "tests/guests/framework/memory.h"
#include "tests/guests/framework/grant.h"
#include "tests/guests/framework/hypercall.h"
#include "tests/guests/framework/layout.h"
#include "tests/guests/framework/test.h"
#include "guest_arch.h"

extern uint64_t boot_l4[];

static uint8_t shared_page[PAGE_SIZE] __attribute__((section(".bss.pages"), aligned(4096)));
static uint8_t ring_page[PAGE_SIZE] __attribute__((section(".bss.pages"), aligned(4096)));

/* shared_info comes in the place of a page of the image. */
void memory_init(start_info_t *si)
{
    struct xen_add_to_physmap op = { .domid = DOMID_SELF,
                                     .space = XENMAPSPACE_shared_info,
                                     .gpfn = va_to_pfn(shared_page) };

    start_info = si;
    pool_init();
    if (hc_memory_op(XENMEM_add_to_physmap, &op) != 0)
        hc_sched(SCHEDOP_shutdown, &(struct sched_shutdown){ .reason = SHUTDOWN_crash });
    shared_info = (shared_info_t *)shared_page;
    grant_table(); /* now, because it takes the place of a page of ours, which would look like a leak later */
}

static void change(const void *va, uint64_t entry)
{
    *pte_lookup(va, 1) = entry;
    asm volatile("invlpg (%0)" : : "r"(va) : "memory");
}

void pvh_map(void *page, mfn_num_t frame)
{
    change(page, frame << PAGE_SHIFT | PTE_RWX);
}

void *memory_map_ring(mfn_num_t mfn)
{
    pvh_map(ring_page, mfn);
    return ring_page;
}

void memory_map_grants(void *page)
{
    struct xen_add_to_physmap op = { .domid = DOMID_SELF,
                                     .space = XENMAPSPACE_grant_table,
                                     .gpfn = va_to_pfn(page) };
    long ret = hc_memory_op(XENMEM_add_to_physmap, &op);

    if (ret)
        test_abort("the grant table cannot be mapped: %ld", ret);
}

mfn_num_t pfn_to_mfn(uint64_t pfn)
{
    return pfn;
}

void *mfn_to_va(mfn_num_t mfn)
{
    return (void *)(VIRT_BASE + (mfn << PAGE_SHIFT));
}

uint64_t *l4_table(void)
{
    return boot_l4;
}

long map_readonly(void *page)
{
    change(page, va_to_maddr(page) | PTE_RO);
    return 0;
}

long map_writable(void *page)
{
    change(page, va_to_maddr(page) | PTE_RWX);
    return 0;
}

long pte_write(const uint64_t *entry, uint64_t value)
{
    *(volatile uint64_t *)(uintptr_t)entry = value;
    asm volatile("mov %%cr3, %%rax; mov %%rax, %%cr3" : : : "rax", "memory");
    return 0;
}
