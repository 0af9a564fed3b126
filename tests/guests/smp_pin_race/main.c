/* SPDX-License-Identifier: MIT */
/*
 * smp_pin_race: pin and unpin of one page from several vCPUs at once.
 *
 * What:     the pin flag and the type count under contention.
 * Why:      a double pin that succeeds leaves a reference behind for ever; a lost one frees a table in
 *           use.
 * Method:   each vCPU pins and unpins the same page in a loop and counts its successes.
 * Expected: as many unpins as pins in total, other answers are -EINVAL only; the page is writable
 *           afterwards.
 * Xen:      the same.
 */
#include "tests/guests/framework/guest.h"

#define ROUNDS 2000u

static void *page;
static volatile long pins, unpins, strange;

static void attack(void *unused)
{
    (void)unused;
    for (unsigned int i = 0; i < ROUNDS; i++) {
        long ret = mmuext(MMUEXT_PIN_L1_TABLE, va_to_mfn(page), 0);

        __atomic_fetch_add(ret == 0 ? &pins : &strange, ret == 0 || ret != -XEN_EINVAL, __ATOMIC_SEQ_CST);
        ret = mmuext(MMUEXT_UNPIN_TABLE, va_to_mfn(page), 0);
        __atomic_fetch_add(ret == 0 ? &unpins : &strange, ret == 0 || ret != -XEN_EINVAL, __ATOMIC_SEQ_CST);
    }
}

static void test(void)
{
    unsigned int count = smp_count() > 3 ? 3 : smp_count();

    if (count < 2) {
        test_skip("one vCPU");
        return;
    }
    page = page_alloc();
    CHECK_EQ(map_readonly(page), 0);
    for (unsigned int cpu = 1; cpu < count; cpu++)
        smp_start(cpu, attack, NULL);
    attack(NULL);
    for (unsigned int cpu = 1; cpu < count; cpu++)
        smp_wait(cpu);
    if (mmuext(MMUEXT_UNPIN_TABLE, va_to_mfn(page), 0) == 0)
        unpins++;
    CHECK(pins > 0);
    CHECK_EQ(pins, unpins);
    CHECK_EQ(strange, 0);
    CHECK_EQ(map_writable(page), 0);
    page_free(page);
}

GUEST_TEST(test);
