/* SPDX-License-Identifier: MIT */
/*
 * crash_hv_stack: a trap in kernel mode with a stack pointer into the hypervisor.
 *
 * What:     the bounce frame's destination, chosen by rsp.
 * Why:      a frame written there would overwrite the hypervisor's own memory.
 * Method:   load rsp with 0xffff830000100000, execute int3.
 * Expected: the domain is crashed, nothing is written.
 * Xen:      "domain_crash_sync called from entry.S".
 */
#include "tests/guests/framework/guest.h"

static void test(void)
{
    asm volatile("mov %0, %%rsp; int3" : : "r"(0xffff830000100000ul) : "memory");
}

CRASH_TEST(test, "domain_crash_sync called|kernel stack");
