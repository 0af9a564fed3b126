/* SPDX-License-Identifier: MIT */
/*
 * stack_switch: the kernel stack for entries from user mode.
 *
 * What:     switches to aligned and misaligned stacks.
 * Why:      every context switch of a guest kernel.
 * Method:   switch between two stacks, trap from user mode, look where the frame is.
 * Expected: the frame is at the top of the stack set last, aligned down to 16.
 * Xen:      the same.
 */
#include "tests/guests/framework/guest.h"

static uint64_t seen_frame;

static bool on_breakpoint(struct cpu_regs *regs)
{
    seen_frame = (uint64_t)&regs->rip - 16;
    return true;
}

static long user_code(uint64_t unused)
{
    (void)unused;
    asm volatile("int3");
    return 0;
}

static void test(void)
{
    uint64_t top = (uint64_t)this_cpu() + CPU_TRAP_STACK_TOP;

    trap_hook(VEC_BP, on_breakpoint);
    CHECK_EQ(hc_stack_switch(FLAT_KERNEL_SS, top - 256), 0);
    user_call(user_code, 0);
    CHECK_EQ(seen_frame, top - 256 - 7 * 8);
    CHECK_EQ(hc_stack_switch(FLAT_KERNEL_SS & ~3, top - 9), 0);
    user_call(user_code, 0);
    CHECK_EQ(seen_frame, ((top - 9) & ~15ul) - 7 * 8);
    CHECK_EQ(hc_stack_switch(FLAT_KERNEL_SS, top), 0);
    user_call(user_code, 0);
    CHECK_EQ(seen_frame, top - 7 * 8);
}

GUEST_TEST(test);
