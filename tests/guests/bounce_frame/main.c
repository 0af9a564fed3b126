/* SPDX-License-Identifier: MIT */
/*
 * bounce_frame: the exact shape of an exception frame from kernel and from user mode.
 *
 * What:     what the hypervisor pushes: rcx, r11, rip, cs | mask << 32, rflags, rsp, ss, and where.
 * Why:      guests' entry code reads the frame by offset.
 * Method:   int3 with known rcx, r11 and flags, from kernel mode with every stack misalignment and from
 *           user mode, with upcalls masked and unmasked.
 * Expected: the frame ends below the 16-byte-aligned old stack (kernel origin) or kernel_sp (user
 *           origin); cs has RPL 0 for kernel origin ("in kernel"), 3 for user; the saved mask is the
 *           byte as it was; IF is its inverse; IOPL 0; rip is behind int3; rsp and ss are the old ones;
 *           a gate without the mask flag leaves the mask alone.
 * Xen:      the same.
 */
#include "tests/guests/framework/guest.h"

#define RCX_PATTERN 0x1122334455667788ul
#define R11_PATTERN 0x8877665544332211ul

static struct cpu_regs seen;
static uint64_t seen_frame, raised_rsp, raised_rip;
static bool seen_mask;

static bool on_breakpoint(struct cpu_regs *regs)
{
    seen = *regs;
    seen_frame = (uint64_t)&regs->rip - 16;
    seen_mask = this_cpu()->info->evtchn_upcall_mask;
    return true;
}

static void raise_from(unsigned int misalign)
{
    asm volatile("mov %%rsp, %%rbx; sub %[misalign], %%rsp\n\t"
                 "mov %%rsp, %[rsp]; lea 1f(%%rip), %%rax; mov %%rax, %[rip]\n\t"
                 "movabs $0x1122334455667788, %%rcx; movabs $0x8877665544332211, %%r11\n\t"
                 "int3\n1:\t mov %%rbx, %%rsp"
                 : [rsp] "=m"(raised_rsp), [rip] "=m"(raised_rip)
                 : [misalign] "r"((uint64_t)misalign)
                 : "rax", "rbx", "rcx", "r11", "memory", "cc");
}

static long raise_in_user(uint64_t misalign)
{
    raise_from((unsigned int)misalign);
    return 0;
}

static void check_common(bool masked)
{
    CHECK_EQ(seen.rcx, RCX_PATTERN);
    CHECK_EQ(seen.r11, R11_PATTERN);
    CHECK_EQ(seen.rip, raised_rip);
    CHECK_EQ(seen.rsp, raised_rsp);
    CHECK_EQ(seen.saved_mask & 0xff, masked);
    CHECK_EQ(!!(seen.rflags & EFLAGS_IF), !masked);
    CHECK_EQ(seen.rflags & (EFLAGS_IOPL | EFLAGS_TF | EFLAGS_NT | EFLAGS_RF), 0);
    CHECK_EQ(seen_mask, masked);
}

static void check_kernel(unsigned int misalign, bool masked)
{
    raise_from(misalign);
    check_common(masked);
    CHECK_EQ(seen.cs & 0xffff, FLAT_KERNEL_CS & ~3);
    CHECK_EQ(seen.ss & 0xffff, FLAT_KERNEL_SS);
    CHECK_EQ(seen_frame, (raised_rsp & ~15ul) - 7 * 8);
}

static void check_user(bool masked)
{
    user_call(raise_in_user, 5);
    check_common(masked);
    CHECK_EQ(seen.cs & 0xffff, FLAT_USER_CS64);
    CHECK_EQ(seen.ss & 0xffff, FLAT_USER_SS64);
    CHECK_EQ(seen_frame, (uint64_t)this_cpu() + CPU_TRAP_STACK_TOP - 7 * 8);
}

static void test(void)
{
    trap_hook(VEC_BP, on_breakpoint);
    for (unsigned int misalign = 0; misalign < 32; misalign++)
        check_kernel(misalign, true);
    check_user(true);
    event_enable();
    check_kernel(0, false);
    check_user(false);
    event_disable();
}

GUEST_TEST(test);
