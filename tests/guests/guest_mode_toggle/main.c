/* SPDX-License-Identifier: MIT */
/*
 * guest_mode_toggle: what switches with the guest's mode.
 *
 * What:     GS bases and page tables over iret, syscall, exceptions and upcalls.
 * Why:      exactly one toggle each way; a second one leaves the kernel with the user's GS or tables.
 * Method:   give both modes their own GS base, trap from user mode in several ways, read both from
 *           inside and after.
 * Expected: the handler sees the kernel's base and tables; user mode its own again after the return.
 * Xen:      the same.
 */
#include "tests/guests/framework/guest.h"

static uint64_t kernel_cell = 0x4b, user_cell = 0x55;
static uint64_t seen[2];
static unsigned int hits;

static uint64_t gs_word(void)
{
    uint64_t v;

    asm volatile("mov %%gs:0, %0" : "=r"(v));
    return v;
}

static bool on_entry(struct cpu_regs *regs)
{
    if (regs->vector == TRAP_SYSCALL && regs->rax == USER_EXIT)
        return false;
    seen[hits++ & 1] = gs_word();
    return regs->vector != TRAP_UPCALL;
}

static long user_code(uint64_t unused)
{
    uint64_t sum = gs_word();

    (void)unused;
    asm volatile("int3" : : : "memory");
    sum += gs_word();
    asm volatile("mov $1, %%eax; syscall" : : : "rax", "rcx", "r11", "memory");
    sum += gs_word();
    return (long)sum;
}

static void test(void)
{
    evtchn_port_t port = (evtchn_port_t)event_bind_ipi(0);

    hc_set_segment_base(SEGBASE_GS_KERNEL, &kernel_cell);
    hc_set_segment_base(SEGBASE_GS_USER, &user_cell);
    trap_hook(VEC_BP, on_entry);
    trap_hook(TRAP_SYSCALL, on_entry);
    trap_hook(TRAP_UPCALL, on_entry);
    for (unsigned int i = 0; i < 100; i++) {
        hits = 0;
        CHECK_EQ(user_call(user_code, 0), 3 * 0x55);
        CHECK_EQ(hits, 2);
        CHECK(seen[0] == 0x4b && seen[1] == 0x4b);
        CHECK_EQ(gs_word(), 0x4b);
    }
    event_unmask(port);
    hits = 0;
    CHECK_EQ(event_send(port), 0);
    this_cpu()->info->evtchn_upcall_mask = 0;
    CHECK_EQ(user_call(user_code, 0), 3 * 0x55);
    CHECK_EQ(hits, 3);
    CHECK(seen[0] == 0x4b && seen[1] == 0x4b);
    event_disable();
    hc_set_segment_base(SEGBASE_GS_KERNEL, 0);
    hc_set_segment_base(SEGBASE_GS_USER, 0);
    event_close(port);
}

GUEST_TEST(test);
