/* SPDX-License-Identifier: MIT */
/*
 * emul_fpu_ts: fpu_taskswitch, the virtual CR0.TS, and #NM.
 *
 * What:     set and clear by hypercall, by mov CR0, by clts.
 * Why:      lazy FPU switching.
 * Method:   set TS, use the FPU from kernel and user mode, clear, use it again; registers must survive.
 * Expected: #NM while set (both modes); delivering #NM clears TS by itself; none after; XMM contents as
 *           before.
 * Xen:      the same.
 */
#include "tests/guests/framework/guest.h"

static void use_x87(void *unused)
{
    (void)unused;
    asm volatile("fnop");
}

static void use_sse(void *unused)
{
    (void)unused;
    asm volatile("movaps %%xmm1, %%xmm1" : : : "memory");
}

static long user_sse(uint64_t unused)
{
    use_sse((void *)unused);
    return 0;
}

static void check_set(void)
{
    const struct trap_record *r;

    CHECK_EQ(trap_vector_of(use_x87, NULL), VEC_NM);
    CHECK_EQ(trap_vector_of(use_x87, NULL), -1);
    CHECK_EQ(hc_fpu_taskswitch(1), 0);
    CHECK_EQ(trap_vector_of(use_sse, NULL), VEC_NM);
    CHECK_EQ(hc_fpu_taskswitch(1), 0);
    r = user_catch(user_sse, 0, NULL);
    CHECK(r && r->regs.vector == VEC_NM && r->from_user);
}

static void check_clear(void)
{
    uint64_t value = 0;

    CHECK_EQ(trap_vector_of(use_x87, NULL), -1);
    CHECK_EQ(trap_vector_of(use_sse, NULL), -1);
    CHECK(!user_catch(user_sse, 0, NULL));
    asm volatile("movq %%xmm1, %0" : "=r"(value));
    CHECK_EQ(value, 0xfeedfacecafebeef);
}

static void test(void)
{
    asm volatile("movq %0, %%xmm1" : : "r"(0xfeedfacecafebeef));
    CHECK_EQ(hc_fpu_taskswitch(1), 0);
    check_set();
    CHECK_EQ(hc_fpu_taskswitch(1), 0);
    CHECK_EQ(hc_fpu_taskswitch(0), 0);
    check_clear();
    CHECK_EQ(hc_fpu_taskswitch(1), 0);
    check_set();
    asm volatile("clts");
    check_clear();
    CHECK_EQ(hc_fpu_taskswitch(2), 0);
    check_set();
    CHECK_EQ(hc_fpu_taskswitch(0), 0);
    check_clear();
}

GUEST_TEST(test);
