/* SPDX-License-Identifier: MIT */
/*
 * crash_triple_fault: a fault that cannot be delivered at all.
 *
 * What:     an exception with an empty interrupt table.
 * Why:      the CPU would shut down; only the guest may.
 * Method:   lidt with limit 0, then int3.
 * Expected: the domain ends, with its registers in the hypervisor's log.
 * Xen:      the same, in other words.
 */
#include "tests/guests/framework/guest.h"

static void test(void)
{
    static const struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) none;

    asm volatile("lidt %0; int3" : : "m"(none));
    test_failure("the guest goes on without an interrupt table");
}

CRASH_TEST(test, "triple fault");
