/* SPDX-License-Identifier: MIT */
/*
 * crash_iret_stack: the iret hypercall with a stack that cannot be read.
 *
 * What:     struct iret_context at an unmapped address.
 * Why:      there is no context to go on with.
 * Method:   load rsp with an unmapped address and issue the hypercall.
 * Expected: the domain is crashed.
 * Xen:      "Fault while reading IRET context from guest stack".
 */
#include "tests/guests/framework/guest.h"

static void test(void)
{
    asm volatile("mov %0, %%rsp; mov $23, %%eax; syscall" : : "r"(0x7000ul) : "memory");
}

CRASH_TEST(test, "reading IRET context|iret hypercall: no context");
