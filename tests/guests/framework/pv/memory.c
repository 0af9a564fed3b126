/* SPDX-License-Identifier: MIT */
/* Memory of a PV guest: page tables change by hypercalls. */
#include "tests/guests/framework/memory.h"
#include "tests/guests/framework/hypercall.h"
#include "tests/guests/framework/layout.h"
#include "tests/guests/framework/print.h"
#include "tests/guests/framework/test.h"

static uint8_t shared_page[PAGE_SIZE] __attribute__((section(".bss.pages"), aligned(4096)));

void memory_init(start_info_t *si)
{
    start_info = si;
    pool_init();
    if (hc_update_va(shared_page, si->shared_info | PTE_RWX, UVMF_INVLPG) != 0)
        hc_sched(SCHEDOP_shutdown, &(struct sched_shutdown){ .reason = SHUTDOWN_crash });
    shared_info = (shared_info_t *)shared_page;
    mmuext(MMUEXT_NEW_USER_BASEPTR, l4_mfn(), 0);
}

void memory_map_grants(void *page)
{
    xen_pfn_t frame = 0;
    struct gnttab_setup_table setup = { .dom = DOMID_SELF, .nr_frames = 1 };

    set_xen_guest_handle(setup.frame_list, &frame);
    if (hc_grant(GNTTABOP_setup_table, &setup, 1) || setup.status != GNTST_okay)
        test_abort("gnttab_setup_table: status %d", setup.status);
    if (hc_update_va(page, frame << PAGE_SHIFT | PTE_RWX, UVMF_INVLPG))
        test_abort("the grant frame %lx cannot be mapped", frame);
}

mfn_num_t pfn_to_mfn(uint64_t pfn)
{
    return ((const uint64_t *)start_info->mfn_list)[pfn];
}

void *mfn_to_va(mfn_num_t mfn)
{
    return (void *)(VIRT_BASE + (((const uint64_t *)MACH2PHYS_VIRT_START)[mfn] << PAGE_SHIFT));
}

uint64_t *l4_table(void)
{
    return (uint64_t *)start_info->pt_base;
}

void *memory_map_ring(mfn_num_t mfn)
{
    return mfn_to_va(mfn);
}

static long map_self(void *page, uint64_t flags)
{
    return hc_update_va(page, (va_to_mfn(page) << PAGE_SHIFT) | flags, UVMF_INVLPG | UVMF_ALL);
}

long map_readonly(void *page)
{
    return map_self(page, PTE_RO);
}

long map_writable(void *page)
{
    return map_self(page, PTE_RWX);
}

long pte_write(const uint64_t *entry, uint64_t value)
{
    mmu_update_t req = { .ptr = va_to_maddr(entry) | MMU_NORMAL_PT_UPDATE, .val = value };

    return hc_mmu_update(&req, 1, 0, DOMID_SELF);
}

long mmuext(unsigned int cmd, uint64_t arg1, uint64_t arg2)
{
    struct mmuext_op op = { .cmd = cmd };

    op.arg1.mfn = arg1;
    op.arg2.nr_ents = (unsigned int)arg2;
    if (arg2 > 0xffffffff)
        op.arg2.src_mfn = arg2;
    return hc_mmuext_op(&op, 1, 0, DOMID_SELF);
}

long table_pin(void *page, unsigned int level)
{
    long ret = map_readonly(page);

    return ret ? ret : mmuext(MMUEXT_PIN_L1_TABLE + level - 1, va_to_mfn(page), 0);
}

long table_unpin(void *page)
{
    long ret = mmuext(MMUEXT_UNPIN_TABLE, va_to_mfn(page), 0);

    return ret ? ret : map_writable(page);
}
