/* SPDX-License-Identifier: MIT */
/*
 * emul_xsetbv: CR4.OSXSAVE, xgetbv and xsetbv.
 *
 * What:     enabling XSAVE, legal and illegal XCR0 values, user mode.
 * Why:      Linux and Unikraft set XCR0 while they boot.
 * Method:   set OSXSAVE, read XCR0 natively, write 1, 3, 7 and values that miss x87 or have YMM without
 *           SSE.
 * Expected: legal values hold; illegal ones, XCR indexes above 0, and user mode are #GP.
 * Xen:      the same. Without XSAVE in the policy: SKIP.
 */
#include "tests/guests/framework/guest.h"

static void xsetbv(void *value)
{
    asm volatile("xsetbv" : : "a"((uint32_t)(uint64_t)value), "d"((uint32_t)((uint64_t)value >> 32)), "c"(0));
}

static void xsetbv_index(void *index)
{
    asm volatile("xsetbv" : : "a"(7), "d"(0), "c"((uint32_t)(uint64_t)index));
}

static uint64_t xgetbv(void)
{
    uint32_t lo, hi;

    asm volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
    return (uint64_t)hi << 32 | lo;
}

static long in_user(uint64_t value)
{
    xsetbv((void *)value);
    return 0;
}

static void test(void)
{
    const struct trap_record *r;
    uint64_t cr4, before;

    if (!(cpuid_forced(1, 0).c & 1u << 26)) {
        test_skip("no XSAVE");
        return;
    }
    asm volatile("mov %%cr4, %0" : "=r"(cr4));
    asm volatile("mov %0, %%cr4" : : "r"(cr4 | 1ul << 18));
    before = xgetbv();
    CHECK(before & 1);
    CHECK_EQ(trap_vector_of(xsetbv, (void *)1), -1);
    CHECK_EQ(xgetbv(), 1);
    CHECK_EQ(trap_vector_of(xsetbv, (void *)3), -1);
    CHECK_EQ(xgetbv(), 3);
    CHECK_EQ(trap_vector_of(xsetbv, (void *)0), VEC_GP);
    CHECK_EQ(trap_vector_of(xsetbv, (void *)2), VEC_GP);
    CHECK_EQ(trap_vector_of(xsetbv, (void *)5), VEC_GP);
    CHECK_EQ(trap_vector_of(xsetbv, (void *)(1ul << 62 | 3)), VEC_GP);
    CHECK_EQ(trap_vector_of(xsetbv_index, (void *)1), VEC_GP);
    CHECK_EQ(xgetbv(), 3);
    r = user_catch(in_user, 3, NULL);
    CHECK(r && r->regs.vector == VEC_GP && r->from_user);
    CHECK_EQ(trap_vector_of(xsetbv, (void *)before), -1);
}

GUEST_TEST(test);
