/* SPDX-License-Identifier: MIT */
/*
 * iret_fault: iret hypercalls whose context the processor refuses.
 *
 * What:     a non-canonical rip, a code selector beyond the GDT, a data selector as CS, a null or bad
 *           SS.
 * Why:      the hypervisor's own IRETQ faults on the guest's values; that must become the guest's
 *           exception.
 * Method:   a breakpoint's handler spoils one field of the frame that its return will use.
 * Expected: the guest gets #GP (or #NP/#SS as the selector says), the vCPU lives, a good iret works
 *           after it.
 * Xen:      the same: the fault on its IRETQ is bounced to the guest's handler as coming from the spoilt
 *           context.
 */
#include "tests/guests/framework/guest.h"

static struct {
    uint64_t rip;
    uint32_t cs;
    uint64_t ss;
} spoil;

static bool on_breakpoint(struct cpu_regs *regs)
{
    if (spoil.rip)
        regs->rip = spoil.rip;
    if (spoil.cs)
        regs->cs = spoil.cs;
    if (spoil.ss)
        regs->ss = spoil.ss;
    return true;
}

static void trip(void *unused)
{
    (void)unused;
    asm volatile("int3");
}

static int try_iret(uint64_t rip, uint32_t cs, uint64_t ss)
{
    spoil.rip = rip;
    spoil.cs = cs;
    spoil.ss = ss;
    return trap_vector_of(trip, NULL);
}

static void test(void)
{
    trap_hook(VEC_BP, on_breakpoint);
    CHECK_EQ(try_iret(0x0000800000000000, 0, 0), VEC_GP);
    CHECK_EQ(try_iret(0xffff7fffffffffff, 0, 0), VEC_GP);
    CHECK_EQ(try_iret(0, 0x1230, 0), VEC_GP);
    CHECK_EQ(try_iret(0, FLAT_KERNEL_SS & ~3u, 0), VEC_GP);
    CHECK_EQ(try_iret(0, 0, 0x1234), VEC_GP);
    CHECK_EQ(try_iret(0, 0, FLAT_KERNEL_CS), VEC_GP);
    CHECK_EQ(try_iret(0, 0, 0), -1);
}

GUEST_TEST(test);
