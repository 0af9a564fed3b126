/* SPDX-License-Identifier: MIT */
/*
 * evtchn_pirq: bind_pirq with numbers that name no interrupt.
 *
 * What:     EVTCHNOP_bind_pirq.
 * Why:      only the hardware domain has physical interrupts; nobody may bind one that does not exist.
 * Method:   bind impossible numbers.
 * Expected: -EINVAL or -EPERM, and no port leaks.
 * Xen:      the same; which of the two depends on whether the number is in range.
 */
#include "tests/guests/framework/guest.h"

static void test(void)
{
    static const uint32_t numbers[] = { 0x10000, 0x7fffffff, ~0u };
    struct evtchn_bind_pirq op = { .flags = 0 };

    for (unsigned int i = 0; i < 3; i++) {
        long ret;

        op.pirq = numbers[i];
        ret = hc_evtchn(EVTCHNOP_bind_pirq, &op);
        CHECK(ret == -XEN_EINVAL || ret == -XEN_EPERM);
    }
}

GUEST_TEST(test);
