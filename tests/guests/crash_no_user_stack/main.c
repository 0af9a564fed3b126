/* SPDX-License-Identifier: MIT */
/*
 * crash_no_user_stack: a trap from user mode when kernel_sp points nowhere.
 *
 * What:     the bounce frame's destination, chosen by stack_switch.
 * Why:      the hypervisor writes there; a fault in its own write must end the domain only.
 * Method:   stack_switch to an unmapped address, then int3 in user mode.
 * Expected: the domain is crashed.
 * Xen:      "domain_crash_sync called from entry.S: fault at ... create_bounce_frame".
 */
#include "tests/guests/framework/guest.h"

static long user_code(uint64_t unused)
{
    (void)unused;
    asm volatile("int3");
    return 0;
}

static void test(void)
{
    hc_stack_switch(FLAT_KERNEL_SS, 0x7000);
    user_call(user_code, 0);
}

CRASH_TEST(test, "domain_crash_sync called|kernel stack");
