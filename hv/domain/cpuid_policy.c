/* SPDX-License-Identifier: MIT */
/*
 * Features are an allow list, by the names of Xen's public arch-x86/cpufeatureset.h: those it marks for all
 * guests, less what needs an MSR that is not emulated. New features of new CPUs stay hidden until someone has
 * thought about them.
 */
#include "hv/domain/cpuid_policy.h"
#include "hv/cpu/cpuid.h"
#include "hv/cpu/fpu.h"
#include "hv/cpu/insn.h"
#include "hv/cpu/time.h"
#include "hv/domain/domain.h"
#include "hv/lib/string.h"
#include "hv/lib/version.h"
#include "hv/mm/frame.h"
#include "hv/mm/heap.h"
#include <xen/arch-x86/cpufeatureset.h>
#include <xen/arch-x86/cpuid.h>

#define F(name) (1u << (XEN_X86_FEATURE_##name & 31))

/* Leaf 1. */
#define FEATURES_1D                                                                                      \
    (F(FPU) | F(DE) | F(TSC) | F(MSR) | F(PAE) | F(MCE) | F(CX8) | F(APIC) | F(SEP) | F(MCA) | F(CMOV) | \
     F(PAT) | F(CLFLUSH) | F(ACPI) | F(MMX) | F(FXSR) | F(SSE) | F(SSE2) | F(SS))
#define FEATURES_1C                                                                                        \
    (F(SSE3) | F(PCLMULQDQ) | F(SSSE3) | F(FMA) | F(CX16) | F(SSE4_1) | F(SSE4_2) | F(MOVBE) | F(POPCNT) | \
     F(AESNI) | F(XSAVE) | F(AVX) | F(F16C) | F(RDRAND))
/* Leaf 7. */
#define FEATURES_AVX512_7B                                                                               \
    (F(AVX512F) | F(AVX512DQ) | F(AVX512_IFMA) | F(AVX512PF) | F(AVX512ER) | F(AVX512CD) | F(AVX512BW) | \
     F(AVX512VL))
#define FEATURES_7B                                                                                       \
    (F(FSGSBASE) | F(BMI1) | F(AVX2) | F(BMI2) | F(ERMS) | F(RDSEED) | F(ADX) | F(CLFLUSHOPT) | F(CLWB) | \
     F(SHA) | FEATURES_AVX512_7B)
#define FEATURES_AVX512_7C \
    (F(AVX512_VBMI) | F(AVX512_VBMI2) | F(AVX512_VNNI) | F(AVX512_BITALG) | F(AVX512_VPOPCNTDQ))
#define FEATURES_7C \
    (F(PREFETCHWT1) | F(GFNI) | F(VAES) | F(VPCLMULQDQ) | F(RDPID) | F(CLDEMOTE) | FEATURES_AVX512_7C)
#define FEATURES_7D  (F(FSRM) | F(MD_CLEAR) | F(SERIALIZE) | F(AVX512_4VNNIW) | F(AVX512_4FMAPS))
#define FEATURES_7A1 (F(AVX_VNNI) | F(AVX512_BF16) | F(FZRM) | F(FSRS) | F(FSRCS))
/* Leaf 0xd, 1. */
#define FEATURES_DA1 (F(XSAVEOPT) | F(XSAVEC) | F(XGETBV1))
/* Leaf 0x80000001: on AMD its EDX repeats those of leaf 1. */
#define FEATURES_E1D (F(SYSCALL) | F(NX) | F(MMXEXT) | F(FFXSR) | F(RDTSCP) | F(LM) | F(3DNOWEXT) | F(3DNOW))
#define COMMON_1D    0x0183f3ffu
#define FEATURES_E1C                                                                                  \
    (F(LAHF_LM) | F(ABM) | F(SSE4A) | F(MISALIGNSSE) | F(3DNOWPREFETCH) | F(XOP) | F(FMA4) | F(TBM) | \
     F(DBEXT))
/* Leaf 0x80000008. */
#define FEATURES_E8B (F(CLZERO) | F(RSTR_FP_ERR_PTRS) | F(SSB_NO) | F(BTC_NO))

#define XCR0_AVX    BIT(2)
#define XCR0_AVX512 BIT(5)
#define AVX_1C      (F(AVX) | F(FMA) | F(F16C))

#define XSTATE_ALIGNED     2u  /* leaf 0xd, ECX of a component */
#define XSAVE_LEGACY_BYTES 576 /* FXSAVE region and header */
#define EXT_BASE           0x80000000u
#define XEN_LEAVES         5 /* 0x40000000 + 1..5 */

/* What a kind of guest may have of the leaves whose contents differ. */
struct feature_masks {
    uint32_t basic_c, basic_d, features_b, features_c, ext_d;
    uint32_t basic_c_always; /* there even if the CPU lacks it */
};

static const struct feature_masks pv_masks = {
    .basic_c = FEATURES_1C,
    .basic_d = FEATURES_1D,
    .features_b = FEATURES_7B,
    .features_c = FEATURES_7C,
    .ext_d = FEATURES_E1D,
    .basic_c_always = F(HYPERVISOR),
};

/* Hardware guests have paging and privilege levels of their own. The local APIC is ours, x2APIC mode too. */
static const struct feature_masks hvm_masks = {
    .basic_c = FEATURES_1C | F(PCID),
    .basic_d = FEATURES_1D | F(VME) | F(PSE) | F(PGE) | F(MTRR) | F(PSE36),
    .features_b = FEATURES_7B | F(SMEP) | F(SMAP) | F(INVPCID),
    .features_c = FEATURES_7C | F(UMIP),
    .ext_d = FEATURES_E1D | F(PAGE1GB),
    .basic_c_always = F(HYPERVISOR) | F(X2APIC),
};

struct cpuid_policy cpuid_policy_pv __ro_after_init;
struct cpuid_policy cpuid_policy_hvm __ro_after_init;

static __init struct cpuid_leaf host_leaf(uint32_t leaf, uint32_t sub)
{
    struct cpuid_leaf l;

    cpuid_count(leaf, sub, &l.a, &l.b, &l.c, &l.d);
    return l;
}

static __init void read_host(struct cpuid_policy *p)
{
    uint32_t max_basic = min(host_cpu.max_leaf, CPUID_BASIC_LEAVES - 1u);
    uint32_t max_ext = min(host_cpu.max_ext_leaf, EXT_BASE + CPUID_EXT_LEAVES - 1);

    for (uint32_t i = 0; i <= max_basic; i++)
        p->basic[i] = host_leaf(i, 0);
    for (uint32_t i = 0; i <= max_ext - EXT_BASE; i++)
        p->ext[i] = host_leaf(EXT_BASE + i, 0);
    for (uint32_t i = 0; max_basic >= 4 && i < CPUID_CACHES; i++)
        p->caches[i] = host_leaf(4, i);
    for (uint32_t i = 0; max_basic >= 7 && i <= min(p->basic[7].a, CPUID_FEATURES - 1u); i++)
        p->features[i] = host_leaf(7, i);
    for (uint32_t i = 0; max_basic >= 13 && i < CPUID_XSTATES; i++)
        p->xstate[i] = host_leaf(13, i);
    p->basic[0].a = max_basic;
    p->ext[0].a = max_ext;
}

/* Caches as the host's, shared by nobody: guests have no idea of the real topology. */
static void restrict_caches(struct cpuid_policy *p)
{
    for (unsigned int i = 0; i < CPUID_CACHES; i++)
        p->caches[i].a &= 0x3fff;
}

static void restrict_xstate(struct cpuid_policy *p)
{
    if (!(p->basic[1].c & F(XSAVE)) || !p->xfeatures) {
        p->basic[1].c &= ~F(XSAVE);
        p->xfeatures = 0;
        memset(p->xstate, 0, sizeof(p->xstate));
        return;
    }
    p->xstate[0] = (struct cpuid_leaf){ .a = (uint32_t)p->xfeatures,
                                        .c = cpuid_policy_xsave_bytes(p, p->xfeatures),
                                        .d = (uint32_t)(p->xfeatures >> 32) };
    p->xstate[1] = (struct cpuid_leaf){ .a = p->xstate[1].a & FEATURES_DA1 };
    for (unsigned int i = 2; i < CPUID_XSTATES; i++)
        if (!(p->xfeatures & BIT(i)))
            p->xstate[i] = (struct cpuid_leaf){ 0 };
}

/* Instructions on registers that XCR0 cannot switch on. */
static void restrict_vectors(struct cpuid_policy *p)
{
    if (!(p->xfeatures & XCR0_AVX)) {
        p->basic[1].c &= ~AVX_1C;
        p->features[0].b &= ~F(AVX2);
        p->features[0].c &= ~(F(VAES) | F(VPCLMULQDQ));
        p->features[1].a &= ~F(AVX_VNNI);
        p->ext[1].c &= ~(F(XOP) | F(FMA4));
    }
    if (!(p->xfeatures & XCR0_AVX512)) {
        p->features[0].b &= ~FEATURES_AVX512_7B;
        p->features[0].c &= ~FEATURES_AVX512_7C;
        p->features[0].d &= ~(F(AVX512_4VNNIW) | F(AVX512_4FMAPS));
        p->features[1].a &= ~F(AVX512_BF16);
    }
}

static void restrict_to(struct cpuid_policy *p, const struct feature_masks *masks, bool amd)
{
    static const uint8_t hidden[] = { 3, 5, 6, 8, 9, 10, 12 };

    p->basic[1].b &= 0xff00; /* CLFLUSH size; ids are the vCPU's */
    p->basic[1].c = (p->basic[1].c & masks->basic_c) | masks->basic_c_always;
    p->basic[1].d &= masks->basic_d;
    for (unsigned int i = 0; i < ARRAY_SIZE(hidden); i++)
        p->basic[hidden[i]] = (struct cpuid_leaf){ 0 };
    restrict_caches(p);
    p->features[0].a = min(p->features[0].a, CPUID_FEATURES - 1u);
    p->features[0].b &= masks->features_b;
    p->features[0].c &= masks->features_c;
    p->features[0].d &= FEATURES_7D;
    p->features[1] = (struct cpuid_leaf){ .a = p->features[1].a & FEATURES_7A1 };
    restrict_xstate(p);
    restrict_vectors(p);
    if (host_cpu.tcg) /* `rep stosb` goes byte by byte there, `rep stosq` by eight */
        p->features[0].b &= ~F(ERMS);

    p->ext[1].c &= FEATURES_E1C;
    p->ext[1].d = (p->ext[1].d & masks->ext_d) | (amd ? p->basic[1].d & COMMON_1D : 0);
    p->ext[7] = (struct cpuid_leaf){ 0 };
    p->ext[8].a &= 0xffff;
    p->ext[8] = (struct cpuid_leaf){ .a = p->ext[8].a, .b = p->ext[8].b & FEATURES_E8B };
}

void cpuid_policy_restrict(struct cpuid_policy *p, bool amd)
{
    restrict_to(p, &pv_masks, amd);
}

void cpuid_policy_restrict_hvm(struct cpuid_policy *p, bool amd)
{
    restrict_to(p, &hvm_masks, amd);
    /*
     * QEMU's emulation leaves arbitrary flags but for ZF, so an interrupt that follows it saves, and returns
     * to, a register with TF, NT or VM. Linux allocates memory with it. For PV guests we are between
     * (hv/pv/traps.c).
     */
    if (host_cpu.tcg)
        p->basic[1].c &= ~F(CX16);
}

__init void cpuid_policy_init(void)
{
    bool amd = host_cpu.amd || host_cpu.hygon;

    read_host(&cpuid_policy_pv);
    cpuid_policy_pv.xfeatures = xfeature_mask;
    cpuid_policy_hvm = cpuid_policy_pv;
    cpuid_policy_restrict(&cpuid_policy_pv, amd);
    cpuid_policy_restrict_hvm(&cpuid_policy_hvm, amd);
}

uint32_t cpuid_policy_xsave_bytes(const struct cpuid_policy *p, uint64_t xcr0)
{
    uint32_t bytes = XSAVE_LEGACY_BYTES;

    for (unsigned int i = 2; i < CPUID_XSTATES; i++)
        if (xcr0 & p->xfeatures & BIT(i))
            bytes = max(bytes, p->xstate[i].a + p->xstate[i].b);
    return bytes;
}

/* Bytes of the compacted form, in which components stand one after another. */
static uint32_t compact_bytes(const struct cpuid_policy *p, uint64_t xcr0)
{
    uint32_t bytes = XSAVE_LEGACY_BYTES;

    for (unsigned int i = 2; i < CPUID_XSTATES; i++)
        if (xcr0 & p->xfeatures & BIT(i))
            bytes = (p->xstate[i].c & XSTATE_ALIGNED ? ALIGN_UP(bytes, 64u) : bytes) + p->xstate[i].a;
    return bytes;
}

static struct cpuid_leaf time_leaf(uint32_t sub)
{
    switch (sub) {
    case 0:
        return (struct cpuid_leaf){ .a = (host_cpu.tsc_invariant ? 2u : 0) | (host_cpu.rdtscp ? 4u : 0),
                                    .c = (uint32_t)tsc_khz };
    case 1:
        return (struct cpuid_leaf){ .c = tsc_scale.mul, .d = (uint8_t)tsc_scale.shift };
    case 2:
        return (struct cpuid_leaf){ .a = (uint32_t)tsc_khz };
    default:
        return (struct cpuid_leaf){ 0 };
    }
}

/* Leaves 0x40000000.. (arch-x86/cpuid.h). */
/* What only hardware guests are told: ids, and that a vCPU can have an upcall vector of its own. */
static struct cpuid_leaf hvm_leaf(const struct vcpu *v)
{
    return (struct cpuid_leaf){
        .a = XEN_HVM_CPUID_VCPU_ID_PRESENT | XEN_HVM_CPUID_DOMID_PRESENT | XEN_HVM_CPUID_UPCALL_VECTOR,
        .b = v->id,
        .c = v->domain->id,
    };
}

static struct cpuid_leaf hypervisor_leaf(const struct vcpu *v, uint32_t index, uint32_t sub)
{
    switch (index) {
    case 0:
        return (struct cpuid_leaf){ XEN_CPUID_FIRST_LEAF + XEN_LEAVES, XEN_CPUID_SIGNATURE_EBX,
                                    XEN_CPUID_SIGNATURE_ECX, XEN_CPUID_SIGNATURE_EDX };
    case 1:
        return (struct cpuid_leaf){ .a = XEN_ABI_MAJOR << 16 | XEN_ABI_MINOR };
    case 2:
        return (struct cpuid_leaf){ .a = 1,
                                    .b = XEN_CPUID_FIRST_LEAF,
                                    .c = v->hvm ? 0 : XEN_CPUID_FEAT1_MMU_PT_UPDATE_PRESERVE_AD };
    case 3:
        return time_leaf(sub);
    case 4:
        return v->hvm ? hvm_leaf(v) : (struct cpuid_leaf){ 0 };
    case 5:
        if (v->hvm)
            return (struct cpuid_leaf){ 0 };
        /* Machine address width: above 44 bits Linux would want version 2 grant entries for it. */
        return (struct cpuid_leaf){ .b = min(bit_highest(max_mfn) + 1 + PAGE_SHIFT, 44u) };
    default:
        return (struct cpuid_leaf){ 0 };
    }
}

/* The parts of basic leaves that belong to the vCPU. APIC ids are even: no guest believes in hyperthreads. */
static void fill_vcpu_parts(const struct vcpu *v, const struct cpuid_policy *p, uint32_t leaf, uint32_t sub,
                            struct cpuid_leaf *out)
{
    switch (leaf) {
    case 1:
        out->b |= (uint32_t)v->id * 2 << 24;
        /* A PV kernel asks before it sets CR4.OSXSAVE, and CR4.OSXSAVE is always on. */
        if (out->c & F(XSAVE))
            out->c |= F(OSXSAVE);
        break;
    case 11:
        *out = (struct cpuid_leaf){ .c = sub & 0xff, .d = (uint32_t)v->id * 2 };
        break;
    case 13:
        if (sub == 0)
            out->b = p->xfeatures ? cpuid_policy_xsave_bytes(p, v->xcr0) : 0;
        if (sub == 1 && (out->a & F(XSAVEC)))
            out->b = compact_bytes(p, v->xcr0);
        break;
    default:
        break;
    }
}

/* Leaves with subleaves have tables of their own; NULL: nothing there. */
static const struct cpuid_leaf *basic_leaf(const struct cpuid_policy *p, uint32_t leaf, uint32_t sub)
{
    switch (leaf) {
    case 4:
        return sub < CPUID_CACHES ? &p->caches[sub] : NULL;
    case 7:
        return sub < CPUID_FEATURES ? &p->features[sub] : NULL;
    case 13:
        return sub < CPUID_XSTATES ? &p->xstate[sub] : NULL;
    default:
        return &p->basic[leaf];
    }
}

void cpuid_policy_query(const struct vcpu *v, uint32_t leaf, uint32_t sub, struct cpuid_leaf *out)
{
    const struct cpuid_policy *p = v->domain->cpuid;
    const struct cpuid_leaf *found = NULL;

    if (leaf <= p->basic[0].a) {
        found = basic_leaf(p, leaf, sub);
        *out = found ? *found : (struct cpuid_leaf){ 0 };
        fill_vcpu_parts(v, p, leaf, sub, out);
    } else if (leaf - EXT_BASE <= p->ext[0].a - EXT_BASE) {
        *out = p->ext[leaf - EXT_BASE];
    } else if (leaf - XEN_CPUID_FIRST_LEAF <= XEN_LEAVES) {
        *out = hypervisor_leaf(v, leaf - XEN_CPUID_FIRST_LEAF, sub);
    } else {
        *out = (struct cpuid_leaf){ 0 };
    }
}

void cpuid_policy_replace(struct domain *d, const struct cpuid_policy *p)
{
    const struct cpuid_policy *former = d->cpuid;

    d->cpuid = p ? p : is_hvm_domain(d) ? &cpuid_policy_hvm : &cpuid_policy_pv;
    if (former && former != &cpuid_policy_pv && former != &cpuid_policy_hvm)
        hv_free((void *)(uintptr_t)former);
}
