/* SPDX-License-Identifier: MIT */
/*
 * crash_no_handler: an exception without a registered handler.
 *
 * What:     int3 after the trap table was cleared.
 * Why:      there is nowhere to go; the hypervisor must end the domain, not itself.
 * Method:   clear the table with a NULL handle, execute ud2.
 * Expected: the domain is crashed, with a log that names the vCPU and the vector.
 * Xen:      "Unhandled: vec 6, #UD".
 */
#include "tests/guests/framework/guest.h"

static void test(void)
{
    hc_set_trap_table(0);
    asm volatile("ud2");
}

CRASH_TEST(test, "Unhandled: vec 6|vector 6");
