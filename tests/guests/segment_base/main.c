/* SPDX-License-Identifier: MIT */
/*
 * segment_base: set_segment_base.
 *
 * What:     all four sub-operations, bad addresses, bad selectors, unknown ones.
 * Why:      Linux treats a failing SEGBASE_GS_USER_SEL as a bug.
 * Method:   call, read back by rdmsr and by the selector.
 * Expected: -EINVAL for non-canonical bases and unknown sub-operations; GS_USER_SEL with garbage returns
 *           0 and loads null.
 * Xen:      the same.
 */
#include "tests/guests/framework/guest.h"

static long user_gs_selector(uint64_t unused)
{
    uint64_t sel;

    (void)unused;
    asm volatile("mov %%gs, %0" : "=r"(sel));
    return (long)(sel & 0xffff);
}

static void test(void)
{
    CHECK_EQ(hc_set_segment_base(SEGBASE_FS, 0x1000), 0);
    CHECK_EQ(rdmsr(MSR_FS_BASE), 0x1000);
    CHECK_EQ(hc_set_segment_base(SEGBASE_FS, 0x0000800000000000), -XEN_EINVAL);
    CHECK_EQ(rdmsr(MSR_FS_BASE), 0x1000);
    CHECK_EQ(hc_set_segment_base(SEGBASE_GS_KERNEL, 0x0000800000000000), -XEN_EINVAL);
    CHECK_EQ(hc_set_segment_base(SEGBASE_GS_USER, 0x0000800000000000), -XEN_EINVAL);
    CHECK_EQ(hc_set_segment_base(SEGBASE_GS_USER, 0xffffffff80001000), 0);
    CHECK_EQ(rdmsr(MSR_KERNEL_GS_BASE), 0xffffffff80001000);
    CHECK_EQ(hc_set_segment_base(SEGBASE_GS_USER_SEL, 0x1234), 0);
    CHECK_EQ(user_call(user_gs_selector, 0), 0);
    CHECK_EQ(hc_set_segment_base(SEGBASE_GS_USER_SEL, FLAT_USER_DS32), 0);
    CHECK_EQ(user_call(user_gs_selector, 0), FLAT_USER_DS32);
    CHECK_EQ(hc_set_segment_base(SEGBASE_GS_USER_SEL, 0), 0);
    CHECK_EQ(user_call(user_gs_selector, 0), 0);
    CHECK_EQ(hc_set_segment_base(99, 0), -XEN_EINVAL);
    wrmsr(MSR_FS_BASE, 0);
    wrmsr(MSR_KERNEL_GS_BASE, 0);
}

GUEST_TEST(test);
