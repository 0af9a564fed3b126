/* SPDX-License-Identifier: MIT */
/*
 * emul_msr_bases: FS_BASE, GS_BASE and KERNEL_GS_BASE by rdmsr and wrmsr.
 *
 * What:     the first privileged instruction of every PV Linux is wrmsr GS_BASE.
 * Why:      per-CPU data and thread-local storage.
 * Method:   write, read back, read memory through the segment; non-canonical values; compare with
 *           set_segment_base.
 * Expected: the values hold; the guest's user GS base (KERNEL_GS_BASE, SEGBASE_GS_USER) is the other
 *           bank; non-canonical writes #GP and change nothing.
 * Xen:      the same.
 */
#include "tests/guests/framework/guest.h"

static uint64_t cell = 0x1122334455667788;
static uint64_t other = 0x99aabbccddeeff00;

static uint64_t through_gs(void)
{
    uint64_t v;

    asm volatile("mov %%gs:0, %0" : "=r"(v));
    return v;
}

static uint64_t through_fs(void)
{
    uint64_t v;

    asm volatile("mov %%fs:0, %0" : "=r"(v));
    return v;
}

static void write_bad(void *msr)
{
    wrmsr((uint32_t)(uint64_t)msr, 0x0000800000000000);
}

static long user_gs(uint64_t unused)
{
    (void)unused;
    return (long)through_gs();
}

static void test(void)
{
    static const uint32_t msrs[] = { MSR_FS_BASE, MSR_GS_BASE, MSR_KERNEL_GS_BASE };

    wrmsr(MSR_GS_BASE, (uint64_t)&cell);
    wrmsr(MSR_FS_BASE, (uint64_t)&other);
    wrmsr(MSR_KERNEL_GS_BASE, (uint64_t)&other);
    CHECK_EQ(rdmsr(MSR_GS_BASE), (uint64_t)&cell);
    CHECK_EQ(rdmsr(MSR_FS_BASE), (uint64_t)&other);
    CHECK_EQ(rdmsr(MSR_KERNEL_GS_BASE), (uint64_t)&other);
    CHECK_EQ(through_gs(), cell);
    CHECK_EQ(through_fs(), other);
    CHECK_EQ(user_call(user_gs, 0), (long)other);
    CHECK_EQ(through_gs(), cell);
    for (unsigned int i = 0; i < 3; i++)
        CHECK_EQ(trap_vector_of(write_bad, (void *)(uint64_t)msrs[i]), VEC_GP);
    CHECK_EQ(rdmsr(MSR_GS_BASE), (uint64_t)&cell);
    CHECK_EQ(hc_set_segment_base(SEGBASE_GS_KERNEL, &other), 0);
    CHECK_EQ(rdmsr(MSR_GS_BASE), (uint64_t)&other);
    CHECK_EQ(hc_set_segment_base(SEGBASE_GS_USER, &cell), 0);
    CHECK_EQ(rdmsr(MSR_KERNEL_GS_BASE), (uint64_t)&cell);
    CHECK_EQ(hc_set_segment_base(SEGBASE_FS, &cell), 0);
    CHECK_EQ(through_fs(), cell);
    for (unsigned int i = 0; i < 3; i++)
        wrmsr(msrs[i], 0);
}

GUEST_TEST(test);
