/* SPDX-License-Identifier: MIT */
/*
 * smp_tlb_flush: an unmap with a remote flush is seen by every vCPU before the call returns.
 *
 * What:     update_va_mapping with INVLPG_ALL, mmuext INVLPG_ALL and MULTI, TLB_FLUSH_ALL and MULTI.
 * Why:      a stale entry on another CPU is a use after free.
 * Method:   vCPU 1 reads a page all the time; vCPU 0 points the entry at another page, flushes, and then
 *           reads what vCPU 1 has read since.
 * Expected: no value of the old page after the flush returned.
 * Xen:      the same.
 */
#include "tests/guests/framework/guest.h"

#define ROUNDS 300u

static volatile bool stop;
static volatile uint64_t observed, beats;
static struct scratch s;

static void reader(void *va)
{
    while (!stop) {
        observed = *(volatile uint64_t *)va;
        beats++;
    }
}

static void flush(unsigned int how, void *va)
{
    unsigned long mask[1] = { ~0ul };
    struct mmuext_op op = { .cmd = how };

    op.arg1.linear_addr = (uint64_t)va;
    if (how == MMUEXT_INVLPG_MULTI || how == MMUEXT_TLB_FLUSH_MULTI)
        set_xen_guest_handle(op.arg2.vcpumask, (void *)mask);
    CHECK_EQ(hc_mmuext_op(&op, 1, 0, DOMID_SELF), 0);
}

static unsigned int stale_after(unsigned int how, uint64_t *const *pages, char *va)
{
    unsigned int stale = 0;

    for (unsigned int i = 0; i < ROUNDS; i++) {
        uint64_t seen;

        if (how == ~0u) {
            hc_update_va(va, va_to_maddr(pages[i & 1]) | PTE_RWX, UVMF_INVLPG | UVMF_ALL);
        } else {
            pte_write(&s.l1[0], va_to_maddr(pages[i & 1]) | PTE_RWX);
            flush(how, va);
        }
        /* Two more beats: the first may have read before the flush. */
        for (seen = beats; beats < seen + 2;)
            hc_sched(SCHEDOP_yield, 0);
        if (observed != (i & 1))
            stale++;
    }
    return stale;
}

static void test(void)
{
    static const unsigned int ways[] = { ~0u, MMUEXT_INVLPG_ALL, MMUEXT_INVLPG_MULTI, MMUEXT_TLB_FLUSH_ALL,
                                         MMUEXT_TLB_FLUSH_MULTI };
    uint64_t *pages[2] = { page_alloc(), page_alloc() };

    if (smp_count() > 1) {
        pages[1][0] = 1;
        scratch_link(&s, SCRATCH_SLOT);
        CHECK_EQ(pte_write(&s.l1[0], va_to_maddr(pages[0]) | PTE_RWX), 0);
        smp_start(1, reader, scratch_va(&s, 0));
        for (unsigned int i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
            CHECK_EQ(stale_after(ways[i], pages, scratch_va(&s, 0)), 0);
        stop = true;
        smp_wait(1);
        CHECK_EQ(pte_write(&s.l1[0], 0), 0);
        scratch_unlink(&s);
    } else {
        test_skip("one vCPU");
    }
    page_free(pages[0]);
    page_free(pages[1]);
}

GUEST_TEST(test);
