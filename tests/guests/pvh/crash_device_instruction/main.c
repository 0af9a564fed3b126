/* SPDX-License-Identifier: MIT */
/*
 * crash_device_instruction: an instruction on device memory that is not emulated.
 *
 * What:     fxsave to an address without memory.
 * Why:      only the instructions that drivers use on devices are emulated.
 * Method:   a page is mapped to such an address.
 * Expected: the domain ends, and the log says why.
 * Xen:      emulates it, or crashes the domain.
 */
#include "tests/guests/framework/guest.h"
#include "guest_arch.h"

static void test(void)
{
    void *page = page_alloc();

    pvh_map(page, 0xf9000);
    asm volatile("fxsave (%0)" : : "r"(page) : "memory");
    test_failure("fxsave to a device went somewhere");
}

CRASH_TEST(test, "instruction that is not emulated");
