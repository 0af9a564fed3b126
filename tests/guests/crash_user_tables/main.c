/* SPDX-License-Identifier: MIT */
/*
 * crash_user_tables: iret to user mode without user page tables.
 *
 * What:     NEW_USER_BASEPTR 0 followed by an iret to user mode.
 * Why:      there is no address space to run in.
 * Method:   as said.
 * Expected: the domain is crashed.
 * Xen:      "Guest switching to user mode with no user page tables".
 */
#include "tests/guests/framework/guest.h"

static long user_code(uint64_t unused)
{
    return (long)unused;
}

static void test(void)
{
    mmuext(MMUEXT_NEW_USER_BASEPTR, 0, 0);
    user_call(user_code, 0);
}

CRASH_TEST(test, "no user page tables|without user page tables");
