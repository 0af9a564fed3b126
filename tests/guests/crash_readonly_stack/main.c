/* SPDX-License-Identifier: MIT */
/*
 * crash_readonly_stack: a trap with the kernel stack in a page table.
 *
 * What:     the bounce frame's destination is mapped, but read-only, and is a page table.
 * Why:      the hypervisor may write everywhere; the guest's permission must count.
 * Method:   point rsp into the running L4, execute int3.
 * Expected: the domain is crashed and the table is untouched.
 * Xen:      "domain_crash_sync called from entry.S".
 */
#include "tests/guests/framework/guest.h"

static void test(void)
{
    asm volatile("mov %0, %%rsp; int3" : : "r"(&l4_table()[200]) : "memory");
}

CRASH_TEST(test, "domain_crash_sync called|kernel stack");
