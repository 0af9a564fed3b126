/* SPDX-License-Identifier: MIT */
/*
 * time_monotonic: system time never goes back, on one vCPU and across vCPUs.
 *
 * What:     the vcpu_time_info clock.
 * Why:      guests hang or corrupt when it does.
 * Method:   read it many times around yields and blocks; then pass a maximum from vCPU to vCPU while all
 *           run.
 * Expected: no reading is smaller than one made before it on the same vCPU, nor on another where the
 *           flags say TSC_STABLE (else by 100 ms at most: it must be the same clock); the version is
 *           even while the guest runs.
 * Xen:      the same. Under QEMU it does not set TSC_STABLE, and its calibration is off by up to a
 *           millisecond.
 */
#include "tests/guests/framework/guest.h"

#define READS 20000u

static uint64_t last;
static volatile unsigned int backwards;
static volatile uint64_t worst;

static void chase(void *unused)
{
    uint64_t slack = (this_cpu()->info->time.flags & XEN_PVCLOCK_TSC_STABLE_BIT) ? 0 : 100 * MS;

    (void)unused;
    for (unsigned int i = 0; i < READS; i++) {
        uint64_t seen = __atomic_load_n(&last, __ATOMIC_SEQ_CST), now = clock_now();

        if (now + slack < seen) {
            backwards++;
            worst = seen - now > worst ? seen - now : worst;
        }
        while (now > seen &&
               !__atomic_compare_exchange_n(&last, &seen, now, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
            ;
    }
}

static void test(void)
{
    uint64_t before = clock_now();
    unsigned int count = smp_count();

    for (unsigned int i = 0; i < READS; i++) {
        uint64_t now = clock_now();

        if (now < before)
            test_failure("%lu after %lu", now, before);
        before = now;
        if (i % 16 == 0) {
            hc_sched(SCHEDOP_yield, 0);
            CHECK_EQ(this_cpu()->info->time.version & 1, 0);
        }
    }
    for (unsigned int cpu = 1; cpu < count && cpu < 4; cpu++)
        smp_start(cpu, chase, NULL);
    chase(NULL);
    for (unsigned int cpu = 1; cpu < count && cpu < 4; cpu++)
        smp_wait(cpu);
    if (backwards)
        test_failure("%u readings went back, by at most %lu ns", backwards, worst);
}

GUEST_TEST(test);
