/* SPDX-License-Identifier: MIT */
/*
 * start_of_day: what a PV64 domain finds at its first instruction.
 *
 * What:     start_info, shared_info, registers, selectors and the initial page tables.
 * Why:      kernels use all of this before they can report anything.
 * Method:   entry.S stored the registers; compare them and start_info with the boot ABI.
 * Expected: rsi is start_info, rsp the top of the page behind the page tables, flat selectors, data
 *           selectors null; upcalls masked in all 32 legacy slots; the tables read-only; every frame of
 *           the P2M this domain's.
 * Xen:      the same.
 */
#include "tests/guests/framework/guest.h"

static void check_registers(void)
{
    CHECK_EQ(boot_regs[1], (uint64_t)start_info);
    CHECK_EQ(boot_regs[2], start_info->pt_base + (start_info->nr_pt_frames + 1) * PAGE_SIZE);
    CHECK_EQ(boot_regs[3] & EFLAGS_IF, EFLAGS_IF);
    CHECK_EQ(boot_regs[3] & (EFLAGS_TF | EFLAGS_DF | EFLAGS_NT | EFLAGS_AC), 0);
    CHECK_EQ(boot_regs[4] & 0xffff, FLAT_KERNEL_CS);
    CHECK_EQ(boot_regs[5] & 0xffff, FLAT_KERNEL_SS);
    for (unsigned int seg = 6; seg < 10; seg++)
        CHECK_EQ(boot_regs[seg] & 0xffff, 0);
}

static void check_start_info(void)
{
    CHECK(!strncmp(start_info->magic, "xen-3.0-x86_64", 14));
    CHECK(start_info->nr_pages > 4096);
    CHECK_EQ(start_info->shared_info & (PAGE_SIZE - 1), 0);
    CHECK_EQ(start_info->pt_base & (PAGE_SIZE - 1), 0);
    CHECK(start_info->nr_pt_frames >= 4);
    CHECK(start_info->mfn_list > VIRT_BASE);
    if (is_initial_domain())
        CHECK(start_info->flags & SIF_PRIVILEGED);
}

static void check_tables(void)
{
    for (unsigned int i = 0; i < start_info->nr_pt_frames; i++) {
        uint64_t pte = pte_read((const void *)(start_info->pt_base + i * PAGE_SIZE));

        CHECK_EQ(pte & (PTE_P | PTE_RW | PTE_US), PTE_P | PTE_US);
    }
    CHECK_EQ(pte_read(start_info) & (PTE_P | PTE_RW), PTE_P | PTE_RW);
}

static void check_p2m(void)
{
    const uint64_t *m2p = (const uint64_t *)MACH2PHYS_VIRT_START;
    unsigned long wrong = 0;

    for (uint64_t pfn = 0; pfn < start_info->nr_pages; pfn++)
        if (m2p[pfn_to_mfn(pfn)] != pfn)
            wrong++;
    CHECK_EQ(wrong, 0);
}

static void test(void)
{
    check_registers();
    check_start_info();
    check_tables();
    check_p2m();
    for (unsigned int i = 1; i < XEN_LEGACY_MAX_VCPUS; i++)
        CHECK_EQ(shared_info->vcpu_info[i].evtchn_upcall_mask, 1);
}

GUEST_TEST(test);
