/* SPDX-License-Identifier: MIT */
/*
 * MSRs of hardware guests that cause exits. The list is what kernels use that start as PVH guests of Xen;
 * everything else is #GP, which they catch.
 */
#include "hv/cpu/cpuid.h"
#include "hv/cpu/insn.h"
#include "hv/cpu/msr_index.h"
#include "hv/domain/cpuid_policy.h"
#include "hv/hvm/hvm.h"
#include "hv/mm/guest_access.h"

#define MSR_PLATFORM_ID      0x00000017
#define MSR_TSC_ADJUST       0x0000003b
#define MSR_UCODE_REV        0x0000008b
#define MSR_PLATFORM_INFO    0x000000ce
#define MSR_MTRR_CAP         0x000000fe
#define MSR_MISC_FEATURES    0x00000140
#define MSR_MCG_CAP          0x00000179
#define MSR_MCG_CTL          0x0000017b
#define MSR_DEBUGCTL         0x000001d9
#define MSR_MTRR_VAR_FIRST   0x00000200
#define MSR_MTRR_VAR_LAST    0x0000020f
#define MSR_MTRR_FIX_64K     0x00000250
#define MSR_MTRR_FIX_16K     0x00000258 /* and 0x259 */
#define MSR_MTRR_FIX_4K      0x00000268 /* to 0x26f */
#define MSR_MTRR_DEF_TYPE    0x000002ff
#define MSR_XEN_HYPERCALL    0x40000000
#define MSR_AMD_EVNTSEL0     0xc0010000 /* four, and four counters, which no CPUID bit says are there */
#define MSR_AMD_PERFCTR3     0xc0010007
#define MSR_AMD_SYSCFG       0xc0010010
#define MSR_AMD_HWCR         0xc0010015
#define MSR_AMD_NB_CFG       0xc001001f
#define MSR_AMD_PATCH_LOADER 0xc0010020
#define MSR_AMD_DE_CFG       0xc0011029

#define DE_CFG_LFENCE BIT(1) /* lfence waits: as every CPU that Linux meets has it */

/* Registers that read as zero and ignore what is written. */
static bool is_inert(uint32_t msr)
{
    switch (msr) {
    case MSR_PLATFORM_ID:
    case MSR_UCODE_REV:
    case MSR_PLATFORM_INFO:
    case MSR_MISC_FEATURES:
    case MSR_MCG_CAP ... MSR_MCG_CTL:
    case MSR_DEBUGCTL:
    case MSR_AMD_EVNTSEL0 ... MSR_AMD_PERFCTR3:
    case MSR_AMD_SYSCFG:
    case MSR_AMD_HWCR:
    case MSR_AMD_NB_CFG:
    case MSR_AMD_PATCH_LOADER:
        return true;
    default:
        return false;
    }
}

/* Where an MTRR is kept, NULL: the MSR is none. */
static uint64_t *mtrr(struct vcpu *v, uint32_t msr)
{
    struct hvm_vcpu *h = v->hvm;

    switch (msr) {
    case MSR_MTRR_VAR_FIRST ... MSR_MTRR_VAR_LAST:
        return &h->mtrr_variable[msr - MSR_MTRR_VAR_FIRST];
    case MSR_MTRR_FIX_64K:
        return &h->mtrr_fixed[0];
    case MSR_MTRR_FIX_16K:
    case MSR_MTRR_FIX_16K + 1:
        return &h->mtrr_fixed[1 + msr - MSR_MTRR_FIX_16K];
    case MSR_MTRR_FIX_4K ... MSR_MTRR_FIX_4K + 7:
        return &h->mtrr_fixed[3 + msr - MSR_MTRR_FIX_4K];
    case MSR_MTRR_DEF_TYPE:
        return &h->mtrr_def_type;
    default:
        return NULL;
    }
}

/* Each byte names a memory type that exists: UC, WC, WT, WP, WB, and UC- in the PAT. */
bool hvm_pat_valid(uint64_t value)
{
    for (unsigned int i = 0; i < 64; i += 8) {
        uint8_t t = (uint8_t)(value >> i);

        if (t > 7 || t == 2 || t == 3)
            return false;
    }
    return true;
}

bool hvm_read_msr(struct vcpu *v, uint32_t msr, uint64_t *value)
{
    const uint64_t *range = mtrr(v, msr);

    *value = 0;
    if (vlapic_is_msr(msr))
        return vlapic_rdmsr(vcpu_vlapic(v), msr, value);
    if (hvm_ops->read_msr(v, msr, value) || is_inert(msr))
        return true;
    if (range) {
        *value = *range;
        return true;
    }
    switch (msr) {
    case MSR_TSC:
        *value = rdtsc() + v->hvm->tsc_offset;
        return true;
    case MSR_EFER:
        *value = v->hvm->efer;
        return true;
    case MSR_PAT:
        *value = v->hvm->pat;
        return true;
    case MSR_TSC_AUX:
        *value = v->hvm->tsc_aux;
        return host_cpu.rdtscp;
    case MSR_MTRR_CAP:
        *value = MTRR_CAP_VALUE;
        return true;
    case MSR_MISC_ENABLE:
        *value = v->hvm->misc_enable;
        return true;
    case MSR_AMD_DE_CFG:
        *value = DE_CFG_LFENCE;
        return true;
    default:
        return false;
    }
}

/* The guest gives a page, which gets the stubs, and shows by it how wide it is. */
static bool write_hypercall_page(struct vcpu *v, uint64_t value)
{
    struct frame *f;

    if (value & ~PAGE_MASK)
        return (value & ~PAGE_MASK) == 0;
    f = p2m_get_frame(v->domain, gfn(value >> PAGE_SHIFT), true, NULL);
    if (!f)
        return false;
    hvm_fill_hypercall_page(frame_to_virt(f));
    frame_put(f);
    hvm_latch_width(v);
    return true;
}

static bool write_mtrr(uint64_t *range, bool def_type, uint64_t value)
{
    if (def_type && (value & ~MTRR_DEF_VALID))
        return false;
    *range = value;
    return true;
}

static bool write_tsc(struct vcpu *v, uint64_t value)
{
    v->hvm->tsc_offset = value - rdtsc();
    hvm_ops->update_tsc(v);
    return true;
}

static bool write_pat(struct vcpu *v, uint64_t value)
{
    if (!hvm_pat_valid(value))
        return false;
    v->hvm->pat = value;
    hvm_ops->update_pat(v);
    return true;
}

static bool write_tsc_aux(struct vcpu *v, uint64_t value)
{
    if (!host_cpu.rdtscp || value >> 32)
        return false;
    v->hvm->tsc_aux = value;
    wrmsr(MSR_TSC_AUX, value);
    return true;
}

bool hvm_write_msr(struct vcpu *v, uint32_t msr, uint64_t value)
{
    uint64_t *range = mtrr(v, msr);

    if (vlapic_is_msr(msr))
        return vlapic_wrmsr(vcpu_vlapic(v), msr, value);
    if (hvm_ops->write_msr(v, msr, value) || is_inert(msr))
        return true;
    if (range)
        return write_mtrr(range, msr == MSR_MTRR_DEF_TYPE, value);
    switch (msr) {
    case MSR_TSC:
        return write_tsc(v, value);
    case MSR_EFER:
        return hvm_write_efer(v, value);
    case MSR_PAT:
        return write_pat(v, value);
    case MSR_TSC_AUX:
        return write_tsc_aux(v, value);
    case MSR_MISC_ENABLE:
    case MSR_AMD_DE_CFG:
        return true;
    case MSR_XEN_HYPERCALL:
        return write_hypercall_page(v, value);
    default:
        return false;
    }
}
