/* SPDX-License-Identifier: MIT */
/*
 * bounce_mask: gates and callbacks that mask upcalls on entry.
 *
 * What:     trap_info.flags bit 2, CALLBACKF_mask_events, and the event upcall itself.
 * Why:      entry code that is not reentrant relies on the mask being set before its first instruction.
 * Method:   raise int3 and a user-mode syscall with upcalls open, with and without the flag; look at the
 *           mask inside.
 * Expected: masked inside exactly when the flag is set; the frame carries the old mask; open again after
 *           iret.
 * Xen:      the same.
 */
#include "tests/guests/framework/guest.h"

static bool seen_mask, seen_if;
static unsigned int hits;

static bool on_entry(struct cpu_regs *regs)
{
    if (regs->vector == TRAP_SYSCALL && regs->rax == USER_EXIT)
        return false;
    seen_mask = this_cpu()->info->evtchn_upcall_mask;
    seen_if = regs->rflags & EFLAGS_IF;
    hits++;
    return true;
}

static bool on_upcall(struct cpu_regs *regs)
{
    on_entry(regs);
    event_upcall();
    return true;
}

static long user_syscall(uint64_t unused)
{
    (void)unused;
    asm volatile("mov $1, %%eax; syscall" : : : "rax", "rcx", "r11", "memory");
    return 0;
}

static void check_inside(bool masked)
{
    CHECK_EQ(hits, 1);
    CHECK_EQ(seen_mask, masked);
    CHECK_EQ(seen_if, true);
    CHECK_EQ(this_cpu()->info->evtchn_upcall_mask, 0);
    hits = 0;
}

static void test(void)
{
    struct trap_info gate[2] = { { .vector = VEC_BP, .cs = FLAT_KERNEL_CS, .address = trap_stub(VEC_BP) } };
    struct callback_register cb = { .type = CALLBACKTYPE_syscall, .address = (uint64_t)syscall_entry };
    long port = event_bind_ipi(0);

    trap_hook(VEC_BP, on_entry);
    trap_hook(TRAP_SYSCALL, on_entry);
    trap_hook(TRAP_UPCALL, on_upcall);
    event_enable();
    for (unsigned int mask = 0; mask < 2; mask++) {
        gate[0].flags = (uint8_t)(3 | mask << 2);
        CHECK_EQ(hc_set_trap_table(gate), 0);
        hits = 0;
        asm volatile("int3");
        check_inside(mask);
        cb.flags = mask ? CALLBACKF_mask_events : 0;
        CHECK_EQ(hc_callback(CALLBACKOP_register, &cb), 0);
        user_call(user_syscall, 0);
        check_inside(mask);
    }
    event_unmask((evtchn_port_t)port);
    CHECK_EQ(event_send((evtchn_port_t)port), 0);
    check_inside(true);
    event_disable();
    event_close((evtchn_port_t)port);
}

GUEST_TEST(test);
