/* SPDX-License-Identifier: MIT */
/* unit-sources: hv/domain/cpuid_policy.c */
/*
 * The CPUID policy of PV guests: from a host that has every feature there is, what a PV kernel cannot use
 * must go, and what depends on the vCPU must be its own.
 */
#include "hv/cpu/cpuid.h"
#include "hv/cpu/fpu.h"
#include "hv/cpu/time.h"
#include "hv/domain/cpuid_policy.h"
#include "hv/domain/domain.h"
#include "hv/mm/frame.h"
#include "hv/mm/heap.h"
#include <xen/arch-x86/cpufeatureset.h>
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

void hv_free(void *p)
{
    free(p);
}

#define F(name) (1u << (XEN_X86_FEATURE_##name & 31))

#define XCR0_ALL (BIT(0) | BIT(1) | BIT(2) | BIT(5) | BIT(6) | BIT(7))

/* What cpuid_policy.c takes from the rest of the hypervisor. */
struct host_cpu host_cpu = { .tsc_invariant = true, .rdtscp = true };
uint64_t xfeature_mask = XCR0_ALL, tsc_khz = 2400000, max_mfn = 0x40000;
struct tsc_scale tsc_scale = { .mul = 0xd5555555, .shift = -1 };

static struct domain domain;
static struct vcpu vcpu = { .domain = &domain, .id = 3, .xcr0 = BIT(0) };
static struct cpuid_policy policy;

/* Every bit set; component 2 of 256 bytes at 576, 5..7 as AVX-512 has them. */
static void fill(struct cpuid_policy *p)
{
    static const uint32_t bytes[] = { 64, 512, 1024 }, offset[] = { 1088, 1152, 1664 };

    memset(p, 0xff, sizeof(*p));
    p->basic[0].a = 13;
    p->ext[0].a = 0x80000008;
    p->features[0].a = 2;
    p->xstate[2] = (struct cpuid_leaf){ 256, 576, 0, 0 };
    for (unsigned int i = 0; i < 3; i++)
        p->xstate[5 + i] = (struct cpuid_leaf){ bytes[i], offset[i], 0, 0 };
    p->xfeatures = XCR0_ALL;
}

static void setup(void)
{
    fill(&policy);
    cpuid_policy_restrict(&policy, true);
    domain.cpuid = &policy;
    vcpu.xcr0 = BIT(0);
}

TestSuite(cpuid_policy, .init = setup);

static struct cpuid_leaf query(uint32_t leaf, uint32_t sub)
{
    struct cpuid_leaf l;

    cpuid_policy_query(&vcpu, leaf, sub, &l);
    return l;
}

Test(cpuid_policy, hides_what_pv_cannot_use)
{
    struct cpuid_leaf l = query(1, 0);

    cr_assert_eq(l.d & (F(VME) | F(PSE) | F(PGE) | F(MTRR) | F(PSE36) | F(DS) | F(HTT)), 0);
    cr_assert_eq(l.c & (F(MONITOR) | F(VMX) | F(PCID) | F(X2APIC) | F(TSC_DEADLINE) | F(DTES64) | F(PDCM)),
                 0);
    l = query(7, 0);
    cr_assert_eq(l.a, 1);
    cr_assert_eq(l.b & (F(SMEP) | F(SMAP) | F(INVPCID) | F(MPX) | F(TSC_ADJUST) | F(SGX) | F(RTM) | F(HLE)),
                 0);
    cr_assert_eq(l.c & (F(UMIP) | F(PKU) | F(OSPKE) | F(CET_SS) | F(ENQCMD)), 0);
    cr_assert_eq(l.d & (F(IBRSB) | F(STIBP) | F(ARCH_CAPS) | F(SSBD) | F(CET_IBT)), 0);
    l = query(0x80000001, 0);
    cr_assert_eq(l.d & (F(PAGE1GB)), 0);
    cr_assert_eq(l.c & (F(SVM) | F(IBS) | F(SKINIT) | F(TOPOEXT) | F(MONITORX) | F(CR8_LEGACY)), 0);
    cr_assert_eq(query(0xd, 1).a & F(XSAVES), 0);
    cr_assert_eq(query(0x80000008, 0).b & (F(IBPB) | F(IBRS) | F(VIRT_SSBD) | F(WBNOINVD)), 0);
}

Test(cpuid_policy, keeps_the_rest)
{
    cr_assert_eq(query(1, 0).d & (F(FPU) | F(TSC) | F(PAE) | F(APIC) | F(SSE2)),
                 F(FPU) | F(TSC) | F(PAE) | F(APIC) | F(SSE2));
    cr_assert(query(1, 0).c & F(HYPERVISOR));
    cr_assert(query(7, 0).b & F(FSGSBASE));
    cr_assert(query(7, 0).b & F(AVX512F));
    cr_assert_eq(query(0x80000001, 0).d & (F(SYSCALL) | F(NX) | F(LM)), F(SYSCALL) | F(NX) | F(LM));
}

Test(cpuid_policy, hides_what_an_emulator_does_badly)
{
    cr_assert(query(7, 0).b & F(ERMS));
    cr_assert(query(1, 0).c & F(CX16));
    host_cpu.tcg = true;
    cpuid_policy_restrict(&policy, true);
    cr_assert_eq(query(7, 0).b & F(ERMS), 0);
    cr_assert(query(1, 0).c & F(CX16));
    cpuid_policy_restrict_hvm(&policy, true);
    cr_assert_eq(query(1, 0).c & F(CX16), 0);
}

Test(cpuid_policy, amd_repeats_leaf_1_without_what_is_hidden)
{
    cr_assert(query(0x80000001, 0).d & F(FPU));
    cr_assert_eq(query(0x80000001, 0).d & (F(PSE) | F(PGE) | F(MTRR)), 0);
    fill(&policy);
    cpuid_policy_restrict(&policy, false);
    cr_assert_eq(query(0x80000001, 0).d & F(FPU), 0, "Intel does not");
}

Test(cpuid_policy, leaks_osxsave)
{
    cr_assert(query(1, 0).c & F(OSXSAVE), "kernels ask before they set CR4");
    fill(&policy);
    policy.xfeatures = 0;
    cpuid_policy_restrict(&policy, false);
    cr_assert_eq(query(1, 0).c & (F(XSAVE) | F(OSXSAVE) | F(AVX) | F(FMA)), 0);
    cr_assert_eq(query(7, 0).b & (F(AVX2) | F(AVX512F)), 0);
    cr_assert_eq(query(0xd, 0).b, 0);
}

Test(cpuid_policy, without_avx512_state)
{
    fill(&policy);
    policy.xfeatures = BIT(0) | BIT(1) | BIT(2);
    cpuid_policy_restrict(&policy, false);
    cr_assert(query(7, 0).b & F(AVX2));
    cr_assert_eq(query(7, 0).b & (F(AVX512F) | F(AVX512VL)), 0);
    cr_assert_eq(query(0xd, 5).a, 0);
}

Test(cpuid_policy, xsave_sizes_follow_xcr0)
{
    cr_assert_eq(query(0xd, 0).a, XCR0_ALL);
    cr_assert_eq(query(0xd, 0).b, 576);
    vcpu.xcr0 = BIT(0) | BIT(1) | BIT(2);
    cr_assert_eq(query(0xd, 0).b, 832);
    vcpu.xcr0 = XCR0_ALL;
    cr_assert_eq(query(0xd, 0).b, 2688);
    cr_assert_eq(query(0xd, 0).c, 2688);
    cr_assert_eq(query(0xd, 3).a, 0, "MPX state is not offered");
}

Test(cpuid_policy, ids_are_the_vcpus)
{
    cr_assert_eq(query(1, 0).b >> 24, 6);
    cr_assert_eq(query(1, 0).b & 0xff0000, 0);
    cr_assert_eq(query(0xb, 0).d, 6);
}

Test(cpuid_policy, hypervisor_leaves)
{
    struct cpuid_leaf l = query(0x40000000, 0);

    cr_assert_eq(l.a, 0x40000005);
    cr_assert(memcmp(&l.b, "XenVMMXenVMM", 12) == 0);
    cr_assert_eq(query(0x40000001, 0).a, 4 << 16 | 17);
    cr_assert_eq(query(0x40000002, 0).b, 0x40000000);
    cr_assert_eq(query(0x40000003, 0).c, 2400000);
    cr_assert_eq(query(0x40000003, 1).c, 0xd5555555);
    cr_assert_eq(query(0x40000003, 1).d, 0xff);
    cr_assert_eq(query(0x40000005, 0).b, 31, "1 GiB of frames end at address bit 30");
    max_mfn = 1ULL << 36;
    cr_assert_eq(query(0x40000005, 0).b, 44, "never more, or Linux wants grants of version 2");
}

Test(cpuid_policy, nothing_outside)
{
    static const uint32_t outside[] = {
        14, 0x1000, 0x40000006, 0x40000100, 0x7fffffff, 0x80000009, 0xffffffff
    };

    for (unsigned int i = 0; i < ARRAY_SIZE(outside); i++) {
        struct cpuid_leaf l = query(outside[i], 0);

        cr_assert_eq(l.a | l.b | l.c | l.d, 0, "leaf %#x", outside[i]);
    }
    cr_assert_eq(query(4, CPUID_CACHES).a, 0);
    cr_assert_eq(query(7, CPUID_FEATURES).a, 0);
    cr_assert_eq(query(0xd, CPUID_XSTATES).a, 0);
    cr_assert_eq(query(5, 0).a, 0, "MONITOR leaf");
    cr_assert_eq(query(0xa, 0).a, 0, "performance counters");
}
