/* SPDX-License-Identifier: MIT */
/*
 * crash_code_nowhere: a jump to guest-physical addresses without memory.
 *
 * What:     code is fetched where nothing is.
 * Why:      there are no bytes to emulate, and the fault must not repeat for ever.
 * Method:   a page is mapped to such an address, and called.
 * Expected: the domain ends, and the log says why.
 * Xen:      the same.
 */
#include "tests/guests/framework/guest.h"
#include "guest_arch.h"

static void test(void)
{
    void *page = page_alloc();

    pvh_map(page, 0xf9000);
    ((void (*)(void))page)();
    test_failure("there is code where no memory is");
}

CRASH_TEST(test, "executes at guest-physical");
