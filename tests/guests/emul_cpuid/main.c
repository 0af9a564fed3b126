/* SPDX-License-Identifier: MIT */
/*
 * emul_cpuid: CPUID behind the forced-emulation prefix.
 *
 * What:     `ud2; "xen"; cpuid` against the PV policy and the hypervisor leaves.
 * Why:      a PV kernel chooses its features by it; what PV cannot offer must not show.
 * Method:   read leaves 0, 1, 7, 0xd, 0x80000000.., 0x40000000..; look at the bits that PV must hide.
 * Expected: leaf 1: no VME, PSE36, MTRR (but for the initial domain), PCID, VMX, MONITOR; hypervisor bit
 *           set; FPU, TSC, MSR, PAE, CX8, SSE2 set; leaf 7: no SMEP, SMAP, UMIP, INVPCID; leaf
 *           0x80000001: SYSCALL, LM, NX, no PAGE1GB, SVM. Hypervisor leaves say XenVMMXenVMM, version
 *           4.17, one hypercall page, an MSR and a machine address width of at most 52.
 * Xen:      the same.
 */
#include "tests/guests/framework/guest.h"

#define BIT(n) (1u << (n))

static void check_features(void)
{
    struct cpuid l1 = cpuid_forced(1, 0), l7 = cpuid_forced(7, 0), ext = cpuid_forced(0x80000001, 0);
    const uint32_t needed =
        BIT(0) | BIT(4) | BIT(5) | BIT(6) | BIT(8) | BIT(15) | BIT(23) | BIT(24) | BIT(25) | BIT(26);

    CHECK(cpuid_forced(0, 0).a >= 0xd);
    CHECK_EQ(l1.d & needed, needed);
    CHECK_EQ(l1.d & (BIT(1) | BIT(17)), 0);
    if (!is_initial_domain())
        CHECK_EQ(l1.d & BIT(12), 0);
    CHECK_EQ(l1.c & (BIT(5) | BIT(17)), 0);
    CHECK_EQ(l1.c & BIT(3), 0);
    CHECK(l1.c & BIT(31));
    CHECK_EQ(l7.b & (BIT(7) | BIT(10) | BIT(20)), 0);
    CHECK_EQ(l7.c & BIT(2), 0);
    CHECK(cpuid_forced(0x80000000, 0).a >= 0x80000008);
    CHECK_EQ(ext.d & (BIT(11) | BIT(20) | BIT(29)), BIT(11) | BIT(20) | BIT(29));
    CHECK_EQ(ext.d & BIT(26), 0);
    CHECK_EQ(ext.c & BIT(2), 0);
}

static void check_hypervisor(void)
{
    struct cpuid base = cpuid_forced(0x40000000, 0), version = cpuid_forced(0x40000001, 0);
    struct cpuid page = cpuid_forced(0x40000002, 0);

    CHECK_EQ(base.b, 0x566e6558);
    CHECK_EQ(base.c, 0x65584d4d);
    CHECK_EQ(base.d, 0x4d4d566e);
    CHECK(base.a >= 0x40000002 && base.a < 0x40000100);
    CHECK_EQ(version.a, 4u << 16 | 17);
    CHECK_EQ(page.a, 1);
    CHECK(page.b >= 0x40000000);
    CHECK(page.c & 1);
    if (base.a >= 0x40000005) {
        uint32_t width = cpuid_forced(0x40000005, 0).b & 0xff;

        CHECK(width == 0 || (width >= 24 && width <= 52));
    }
}

static long in_user(uint64_t leaf)
{
    return cpuid_forced((uint32_t)leaf, 0).b;
}

static void test(void)
{
    check_features();
    check_hypervisor();
    CHECK_EQ((uint32_t)user_call(in_user, 0x40000000), 0x566e6558);
}

GUEST_TEST(test);
