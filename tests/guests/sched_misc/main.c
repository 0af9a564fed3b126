/* SPDX-License-Identifier: MIT */
/*
 * sched_misc: sched_op's simple sub-operations and their errors.
 *
 * What:     yield, and block, poll, shutdown, remote_shutdown, watchdog, pin_override with bad
 *           arguments.
 * Why:      these calls end or stop domains; an error must not.
 * Method:   call and compare.
 * Expected: yield returns 0. Nothing here stops the domain.
 * Xen:      the same.
 */
#include "tests/guests/framework/guest.h"

static void test(void)
{
    struct sched_remote_shutdown remote = { .domain_id = 0x7fef, .reason = SHUTDOWN_poweroff };
    struct sched_watchdog dog = { .id = 99, .timeout = 10 };

    CHECK_EQ(hc_sched(SCHEDOP_yield, 0), 0);
    CHECK_EQ(hc_sched(SCHEDOP_shutdown, 0), -XEN_EFAULT);
    CHECK_EQ(hc_sched(SCHEDOP_poll, 0), -XEN_EFAULT);
    CHECK_EQ(hc_sched(SCHEDOP_remote_shutdown, 0), -XEN_EFAULT);
    CHECK_EQ(hc_sched(SCHEDOP_remote_shutdown, &remote), -XEN_ESRCH);
    CHECK_EQ(hc_sched(SCHEDOP_watchdog, 0), -XEN_EFAULT);
    CHECK_EQ(hc_sched(SCHEDOP_watchdog, &dog), -XEN_EINVAL);
    dog.id = 1;
    CHECK_EQ(hc_sched(SCHEDOP_watchdog, &dog), -XEN_EINVAL);
    dog.id = 0;
    dog.timeout = 3600;
    CHECK_EQ(hc_sched(SCHEDOP_watchdog, &dog), 1);
    dog.id = 1;
    CHECK_EQ(hc_sched(SCHEDOP_watchdog, &dog), 0);
    dog.timeout = 0;
    CHECK_EQ(hc_sched(SCHEDOP_watchdog, &dog), 0);
}

GUEST_TEST(test);
