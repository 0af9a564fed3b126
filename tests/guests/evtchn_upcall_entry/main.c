/* SPDX-License-Identifier: MIT */
/*
 * evtchn_upcall_entry: when an upcall interrupts, and what it finds.
 *
 * What:     delivery at the exits of hypercalls, iret and exceptions, to kernel and user mode; the
 *           frame; the mask inside.
 * Why:      a pending event that is not delivered at the next exit is a hang.
 * Method:   leave a pending event behind a closed mask, open the mask by a plain store, then enter the
 *           hypervisor in several ways.
 * Expected: no upcall until the hypervisor is entered; then exactly one, with the mask set inside, clear
 *           saved mask, and restored by iret; also from user mode.
 * Xen:      the same.
 */
#include "tests/guests/framework/guest.h"

static struct cpu_regs seen;
static bool seen_mask;

static bool on_upcall(struct cpu_regs *regs)
{
    seen = *regs;
    seen_mask = this_cpu()->info->evtchn_upcall_mask;
    return false;
}

static bool on_breakpoint(struct cpu_regs *regs)
{
    (void)regs;
    return true;
}

static void enter_by_hypercall(void *unused)
{
    (void)unused;
    hc_xen_version(XENVER_version, 0);
}

static void enter_by_trap(void *unused)
{
    (void)unused;
    asm volatile("int3" : : : "memory");
}

static void enter_by_emulation(void *unused)
{
    (void)unused;
    cpuid_forced(0, 0);
}

static long user_work(uint64_t unused)
{
    (void)unused;
    asm volatile("int3" : : : "memory");
    return 0;
}

static void enter_by_user(void *unused)
{
    (void)unused;
    user_call(user_work, 0);
}

static void check(evtchn_port_t port, void (*enter)(void *), bool from_user, const char *what)
{
    vcpu_info_t *info = this_cpu()->info;
    unsigned long before = this_cpu()->upcalls;

    CHECK_EQ(event_send(port), 0);
    CHECK_EQ(this_cpu()->upcalls, before);
    __atomic_store_n(&info->evtchn_upcall_mask, 0, __ATOMIC_SEQ_CST);
    CHECK_EQ(this_cpu()->upcalls, before);
    enter(NULL);
    if (this_cpu()->upcalls != before + 1)
        test_failure("%s: %lu upcalls", what, this_cpu()->upcalls - before);
    CHECK_EQ(info->evtchn_upcall_mask, 0);
    CHECK_EQ(seen_mask, true);
    CHECK_EQ(seen.saved_mask & 0xff, 0);
    CHECK_EQ((seen.cs & 3) == 3, from_user);
    CHECK(seen.rflags & EFLAGS_IF);
    event_disable();
}

static void test(void)
{
    evtchn_port_t port = (evtchn_port_t)event_bind_ipi(0);

    trap_hook(TRAP_UPCALL, on_upcall);
    trap_hook(VEC_BP, on_breakpoint);
    event_unmask(port);
    check(port, enter_by_hypercall, false, "hypercall");
    check(port, enter_by_trap, false, "trap");
    check(port, enter_by_emulation, false, "emulation");
    check(port, enter_by_user, true, "user mode");
    event_close(port);
}

GUEST_TEST(test);
