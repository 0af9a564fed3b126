/* SPDX-License-Identifier: MIT */
/*
 * iret: the iret hypercall's frame, field by field.
 *
 * What:     rax, rcx, r11, rip, rsp, rflags of struct iret_context, to kernel and to user mode.
 * Why:      every return from a handler passes through it.
 * Method:   a breakpoint's handler rewrites the frame that its return will use.
 * Expected: rax, rcx and r11 arrive; IF sets the upcall mask (inverted) and never the hardware flag;
 *           IOPL, VM, NT, RF are dropped or harmless; CF, ZF, DF, AC, ID pass; RPL is forced to 3.
 * Xen:      the same.
 */
#include "tests/guests/framework/guest.h"

static struct cpu_regs next;
static uint64_t got_rax, got_rcx, got_r11, got_flags;

static bool on_breakpoint(struct cpu_regs *regs)
{
    regs->rax = next.rax;
    regs->rcx = next.rcx;
    regs->r11 = next.r11;
    regs->rflags = next.rflags;
    if (next.cs)
        regs->cs = next.cs;
    return true;
}

static long trip(uint64_t unused)
{
    (void)unused;
    asm volatile("int3; pushfq; pop %[flags]; pushq $2; popfq"
                 : "=a"(got_rax), "=c"(got_rcx), [flags] "=&r"(got_flags)
                 :
                 : "r11", "memory", "cc");
    asm volatile("int3; mov %%r11, %0; pushq $2; popfq"
                 : "=m"(got_r11)
                 :
                 : "rax", "rcx", "r11", "memory", "cc");
    return 0;
}

static void check_flags(uint64_t set, uint64_t expected)
{
    const uint64_t visible =
        EFLAGS_CF | EFLAGS_ZF | EFLAGS_DF | EFLAGS_AC | EFLAGS_ID | EFLAGS_IOPL | EFLAGS_NT | EFLAGS_IF;

    next.rflags = set;
    trip(0);
    CHECK_EQ(got_flags & visible, expected);
    CHECK_EQ(this_cpu()->info->evtchn_upcall_mask, !(set & EFLAGS_IF));
    CHECK_EQ(user_call(trip, 0), 0);
    CHECK_EQ(got_flags & visible, expected);
    event_disable();
}

static void test(void)
{
    next.rax = 0x0123456789abcdef;
    next.rcx = 0x1111222233334444;
    next.r11 = 0x5555666677778888;
    trap_hook(VEC_BP, on_breakpoint);
    check_flags(0, EFLAGS_IF);
    CHECK_EQ(got_rax, next.rax);
    CHECK_EQ(got_rcx, next.rcx);
    CHECK_EQ(got_r11, next.r11);
    check_flags(EFLAGS_IF, EFLAGS_IF);
    check_flags(EFLAGS_IF | EFLAGS_CF | EFLAGS_ZF, EFLAGS_IF | EFLAGS_CF | EFLAGS_ZF);
    check_flags(EFLAGS_ID | EFLAGS_AC, EFLAGS_IF | EFLAGS_ID | EFLAGS_AC);
    check_flags(EFLAGS_DF, EFLAGS_IF | EFLAGS_DF);
    check_flags(EFLAGS_IOPL, EFLAGS_IF);
    next.cs = FLAT_KERNEL_CS & ~3u;
    next.rflags = 0;
    trip(0);
    CHECK_EQ(got_rcx, next.rcx);
    next.cs = 0;
}

GUEST_TEST(test);
