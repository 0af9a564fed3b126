/* SPDX-License-Identifier: MIT */
/*
 * fpu_preserved: x87, SSE and AVX registers survive everything the hypervisor does.
 *
 * What:     register contents over hypercalls, yields, upcalls, blocks, emulation, and other vCPUs that
 *           use theirs.
 * Why:      lazy or eager switching; a leak is also a leak between domains.
 * Method:   two vCPUs load patterns of their own into x87, XMM, YMM (if XSAVE and AVX show) and MXCSR,
 *           then yield and check.
 * Expected: nothing changes.
 * Xen:      the same.
 */
#include "tests/guests/framework/guest.h"
#include "guest_arch.h"

#define ROUNDS 300u

static volatile unsigned int wrong;
static bool have_avx;

static void load(uint64_t pattern)
{
    uint32_t mxcsr = 0x1f80 | (uint32_t)(pattern & 1) << 13;

    asm volatile("movq %0, %%xmm0; movq %0, %%xmm7; movq %0, %%xmm15; punpcklqdq %%xmm15, %%xmm15"
                 :
                 : "r"(pattern));
    asm volatile("ldmxcsr %0; fninit; fildll %1" : : "m"(mxcsr), "m"(pattern));
    if (have_avx)
        asm volatile("vinsertf128 $1, %%xmm15, %%ymm15, %%ymm15" : :);
}

static bool intact(uint64_t pattern)
{
    uint64_t a, b, c, d = pattern, st = 0;
    uint32_t mxcsr;
    uint64_t high[2] = { pattern, pattern };

    asm volatile("movq %%xmm0, %0; movq %%xmm7, %1; movq %%xmm15, %2" : "=r"(a), "=r"(b), "=r"(c));
    asm volatile("stmxcsr %0; fld %%st(0); fistpll %1" : "=m"(mxcsr), "=m"(st));
    if (have_avx)
        asm volatile("vextractf128 $1, %%ymm15, %0" : "=m"(high));
    return a == d && b == d && c == d && st == d && (mxcsr & 0x2000) == ((pattern & 1) << 13) &&
           high[0] == d && high[1] == d;
}

static void work(void *arg)
{
    uint64_t pattern = 0x1234567890ab00 + (uint64_t)arg;
    struct sched_poll poll = { .nr_ports = 0 };

    load(pattern);
    for (unsigned int i = 0; i < ROUNDS; i++) {
        hc_sched(SCHEDOP_yield, 0);
        arch_cpuid(0, 0);
        if (i % 32 == 0) {
            poll.timeout = clock_now() + MS / 4;
            hc_sched(SCHEDOP_poll, &poll);
        }
        if (!intact(pattern))
            wrong++;
    }
    asm volatile("fninit");
}

/* OSXSAVE for this vCPU, and AVX state if there is any. */
static void enable_avx(void)
{
    struct cpuid l1 = arch_cpuid(1, 0);
    uint64_t cr4;

    if ((l1.c & (1u << 26 | 1u << 28)) != (1u << 26 | 1u << 28))
        return;
    asm volatile("mov %%cr4, %0" : "=r"(cr4));
    asm volatile("mov %0, %%cr4" : : "r"(cr4 | 1ul << 18));
    asm volatile("xsetbv" : : "a"(7), "d"(0), "c"(0));
    have_avx = true;
}

static void second(void *arg)
{
    if (have_avx)
        enable_avx();
    work(arg);
}

static void test(void)
{
    enable_avx();
    if (smp_count() > 1)
        smp_start(1, second, (void *)1);
    work(NULL);
    if (smp_count() > 1)
        smp_wait(1);
    CHECK_EQ(wrong, 0);
}

GUEST_TEST(test);
