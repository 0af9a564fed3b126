/* SPDX-License-Identifier: MIT */
/* Page-table updates of single entries, flushes and pins. */
#include "tests/bench/guest/bench.h"
#include "tests/guests/framework/guest.h"

static struct scratch s;
static uint64_t pte[2];

static void bench_update_va(void)
{
    uint64_t va = (uint64_t)scratch_va(&s, 0);

    MEASURE("update_va_mapping_same", 1000, page_call(__HYPERVISOR_update_va_mapping, va, pte[0], 0, 0));
    MEASURE("update_va_mapping_new", 1000, page_call(__HYPERVISOR_update_va_mapping, va, pte[i & 1], 0, 0));
    MEASURE("update_va_mapping_same_invlpg", 1000,
            page_call(__HYPERVISOR_update_va_mapping, va, pte[0], UVMF_INVLPG, 0));
    MEASURE("update_va_mapping_new_invlpg", 1000,
            page_call(__HYPERVISOR_update_va_mapping, va, pte[i & 1], UVMF_INVLPG, 0));
    MEASURE("unmap_map_invlpg", 1000, page_call(__HYPERVISOR_update_va_mapping, va, 0, UVMF_INVLPG, 0);
            page_call(__HYPERVISOR_update_va_mapping, va, pte[0], UVMF_INVLPG, 0));
}

static void bench_mmu_update(void)
{
    static mmu_update_t one[2], many[2][32];
    uint64_t n;

    for (unsigned int k = 0; k < 2; k++) {
        one[k] = (mmu_update_t){ .ptr = va_to_maddr(&s.l1[0]), .val = pte[k] };
        for (unsigned int j = 0; j < 32; j++)
            many[k][j] = (mmu_update_t){ .ptr = va_to_maddr(&s.l1[32 + j]), .val = pte[k] };
    }
    n = DOMID_SELF;
    MEASURE("mmu_update_1_same", 1000, page_call(__HYPERVISOR_mmu_update, (uint64_t)&one[0], 1, 0, n));
    MEASURE("mmu_update_1_new", 1000, page_call(__HYPERVISOR_mmu_update, (uint64_t)&one[i & 1], 1, 0, n));
    MEASURE("mmu_update_32_new", 100, page_call(__HYPERVISOR_mmu_update, (uint64_t)many[i & 1], 32, 0, n));
    MEASURE("emulated_pte_write", 1000, *(volatile uint64_t *)&s.l1[1] = pte[i & 1]);
}

static void bench_mmuext(void)
{
    uint64_t *table = page_alloc();
    struct mmuext_op base = { .cmd = MMUEXT_NEW_BASEPTR }, flush = { .cmd = MMUEXT_TLB_FLUSH_LOCAL };
    struct mmuext_op pin = { .cmd = MMUEXT_PIN_L1_TABLE }, unpin = { .cmd = MMUEXT_UNPIN_TABLE };

    base.arg1.mfn = l4_mfn();
    pin.arg1.mfn = unpin.arg1.mfn = va_to_mfn(table);
    map_readonly(table);
    MEASURE("new_baseptr_same", 1000, page_call(__HYPERVISOR_mmuext_op, (uint64_t)&base, 1, 0, DOMID_SELF));
    MEASURE("tlb_flush_local", 1000, page_call(__HYPERVISOR_mmuext_op, (uint64_t)&flush, 1, 0, DOMID_SELF));
    MEASURE("pin_unpin_l1", 100, page_call(__HYPERVISOR_mmuext_op, (uint64_t)&pin, 1, 0, DOMID_SELF);
            page_call(__HYPERVISOR_mmuext_op, (uint64_t)&unpin, 1, 0, DOMID_SELF));
    map_writable(table);
    page_free(table);
}

void bench_memory(void)
{
    void *data[2] = { page_alloc(), page_alloc() };

    scratch_link(&s, SCRATCH_SLOT);
    for (unsigned int k = 0; k < 2; k++)
        pte[k] = va_to_maddr(data[k]) | PTE_RWX;
    bench_update_va();
    bench_mmu_update();
    bench_mmuext();
    scratch_unlink(&s);
    page_free(data[0]);
    page_free(data[1]);
}
