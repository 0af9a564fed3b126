/* SPDX-License-Identifier: MIT */
/*
 * crash_shutdown: SCHEDOP_shutdown with SHUTDOWN_crash.
 *
 * What:     the guest's own crash.
 * Why:      a guest kernel's panic ends here.
 * Method:   call it.
 * Expected: reported as a crash of this domain.
 * Xen:      "Hardware Dom0 crashed".
 */
#include "tests/guests/framework/guest.h"

static void test(void)
{
    test_shutdown(SHUTDOWN_crash);
}

CRASH_TEST(test, "crashed");
