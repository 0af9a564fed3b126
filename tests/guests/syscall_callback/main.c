/* SPDX-License-Identifier: MIT */
/*
 * syscall_callback: SYSCALL from guest user mode.
 *
 * What:     the registered syscall callback: entry state, frame, and what happens without one.
 * Why:      every system call of a 64-bit PV kernel.
 * Method:   user code loads patterns and executes SYSCALL; the hook records; then the callback is
 *           removed.
 * Expected: entry on kernel_sp with rcx = return rip and r11 = flags as pushed words; user rsp in the
 *           frame; argument registers untouched; return by iret with VGCF_in_syscall clear restores rcx
 *           and r11. Without a callback (address 0, since it cannot be unregistered): #UD.
 * Xen:      the same.
 */
#include "tests/guests/framework/guest.h"

static struct cpu_regs seen;
static uint64_t seen_frame;
/* Written by the assembly in user_code(). */
static uint64_t user_return_rip __attribute__((used));
static uint64_t user_entry_rsp __attribute__((used));

static bool on_syscall(struct cpu_regs *regs)
{
    if (regs->rax == USER_EXIT)
        return false;
    seen = *regs;
    seen_frame = (uint64_t)&regs->rip - 16;
    regs->rax = 0x77;
    return true;
}

static long user_code(uint64_t arg)
{
    register uint64_t r10 asm("r10") = 0xa10;
    register uint64_t r8 asm("r8") = 0xa8;
    register uint64_t r9 asm("r9") = 0xa9;
    long ret;

    asm volatile(
        "lea 1f(%%rip), %%rax; mov %%rax, user_return_rip; mov %%rsp, user_entry_rsp; mov $0x123, %%eax\n\t"
        "syscall\n1:"
        : "=&a"(ret)
        : "D"(arg), "S"(0xa2), "d"(0xa3), "r"(r10), "r"(r8), "r"(r9)
        : "rcx", "r11", "memory");
    return ret;
}

static void check_entry(void)
{
    CHECK_EQ(user_call(user_code, 0xa1), 0x77);
    CHECK_EQ(seen.rax, 0x123);
    CHECK_EQ(seen.rdi, 0xa1);
    CHECK_EQ(seen.rsi, 0xa2);
    CHECK_EQ(seen.rdx, 0xa3);
    CHECK_EQ(seen.r10, 0xa10);
    CHECK_EQ(seen.r8, 0xa8);
    CHECK_EQ(seen.r9, 0xa9);
    CHECK_EQ(seen.rip, user_return_rip);
    CHECK_EQ(seen.rcx, user_return_rip);
    CHECK_EQ(seen.rsp, user_entry_rsp);
    CHECK_EQ(seen.cs & 3, 3);
    CHECK_EQ(seen.ss & 3, 3);
    CHECK_EQ(seen_frame, (uint64_t)this_cpu() + CPU_TRAP_STACK_TOP - 7 * 8);
}

static void check_unregistered(void)
{
    struct callback_unregister un = { .type = CALLBACKTYPE_syscall };
    struct callback_register cb = { .type = CALLBACKTYPE_syscall, .address = (uint64_t)syscall_entry };
    const struct trap_record *r;

    CHECK_EQ(hc_callback(CALLBACKOP_unregister, &un), -XEN_EINVAL);
    cb.address = 0;
    CHECK_EQ(hc_callback(CALLBACKOP_register, &cb), 0);
    r = user_catch(user_code, 0, NULL);
    CHECK(r && r->regs.vector == VEC_UD && r->from_user);
    CHECK(r && r->regs.rip == user_return_rip - 2);
    cb.address = (uint64_t)syscall_entry;
    CHECK_EQ(hc_callback(CALLBACKOP_register, &cb), 0);
}

static void test(void)
{
    trap_hook(TRAP_SYSCALL, on_syscall);
    check_entry();
    check_unregistered();
}

GUEST_TEST(test);
