/* SPDX-License-Identifier: MIT */
/*
 * time_wallclock: the wall clock and the TSC scale.
 *
 * What:     shared_info.wc_*, and that system time runs at the rate of the TSC scale.
 * Why:      date and delays in every guest.
 * Method:   read under the version; compare two distances.
 * Expected: version even; nanoseconds below 10^9; a date after 2020; wall time = wc + system time.
 * Xen:      the same.
 */
#include "tests/guests/framework/guest.h"

static void test(void)
{
    const volatile struct vcpu_time_info *t = &this_cpu()->info->time;
    uint64_t seconds = ((uint64_t)shared_info->wc_sec_hi << 32) | shared_info->wc_sec;
    uint64_t a, b, tsc;

    CHECK_EQ(shared_info->wc_version & 1, 0);
    CHECK(shared_info->wc_nsec < 1000000000);
    CHECK(seconds + clock_now() / 1000000000 > 1577836800);
    CHECK(seconds < 4102444800);
    CHECK(t->tsc_to_system_mul & 0x80000000);
    a = clock_now();
    tsc = rdtsc();
    while (rdtsc() - tsc < 10000000)
        cpu_relax();
    b = clock_now();
    CHECK(b > a && b - a < 10000 * MS);
}

GUEST_TEST(test);
