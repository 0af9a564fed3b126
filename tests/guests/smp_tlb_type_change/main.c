/* SPDX-License-Identifier: MIT */
/*
 * smp_tlb_type_change: a page that becomes a table cannot be written through a stale TLB entry of
 * another vCPU.
 *
 * What:     the hypervisor's own flush on a type change from writable to page table.
 * Why:      the guest did not ask for a flush, and will not when it is hostile.
 * Method:   vCPU 1 writes a page all the time; vCPU 0 makes the mapping read-only WITHOUT a flush, pins
 *           the page as an L1 and looks whether it changes.
 * Expected: after the pin returned no write goes in directly: the table stays empty. (A write that traps
 *           may be emulated only if its value is valid; it is not.)
 * Xen:      the same.
 */
#include "tests/guests/framework/guest.h"

static uint64_t *page;
static volatile bool stop;
static volatile uint64_t writes;

static void write_once(void *unused)
{
    (void)unused;
    /* Would map a page-table page writable: never valid. */
    *(volatile uint64_t *)&page[3] = va_to_maddr(l4_table()) | PTE_RWX;
}

static void writer(void *unused)
{
    while (!stop) {
        trap_catch(write_once, unused);
        writes++;
    }
}

static void test(void)
{
    if (smp_count() < 2) {
        test_skip("one vCPU");
        return;
    }
    page = page_alloc();
    smp_start(1, writer, NULL);
    for (unsigned int i = 0; i < 200; i++) {
        uint64_t seen = writes;
        long ret;

        while (writes < seen + 2)
            hc_sched(SCHEDOP_yield, 0);
        CHECK_EQ(hc_update_va(page, va_to_maddr(page) | PTE_RO, 0), 0);
        /* The writer's value may be in the page: then the pin fails for its contents, and nothing is shown.
         */
        ret = mmuext(MMUEXT_PIN_L1_TABLE, va_to_mfn(page), 0);
        if (ret == 0) {
            for (seen = writes; writes < seen + 2;)
                hc_sched(SCHEDOP_yield, 0);
            CHECK_EQ(*(volatile uint64_t *)&page[3], 0);
            CHECK_EQ(mmuext(MMUEXT_UNPIN_TABLE, va_to_mfn(page), 0), 0);
        }
        CHECK_EQ(map_writable(page), 0);
        *(volatile uint64_t *)&page[3] = 0;
    }
    stop = true;
    smp_wait(1);
    page_free(page);
}

GUEST_TEST(test);
