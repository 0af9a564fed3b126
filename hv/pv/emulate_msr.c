/* SPDX-License-Identifier: MIT */
/*
 * MSRs of PV guest kernels. The list is short: segment bases, what a guest may know of the machine, and
 * registers that kernels read or write without asking CPUID first. Everything else is a #GP, which kernels
 * catch; but before a guest has a handler for it, an unknown MSR reads as zero, because that early nothing
 * can be caught.
 */
#include "hv/pv/emulate.h"
#include "hv/cpu/cpuid.h"
#include "hv/cpu/insn.h"
#include "hv/pv/page_type.h"
#include "hv/pv/pv.h"

#define MSR_PLATFORM_ID        0x00000017
#define MSR_UCODE_REV          0x0000008b
#define MSR_PLATFORM_INFO      0x000000ce
#define MSR_MPERF              0x000000e7
#define MSR_APERF              0x000000e8
#define MSR_MISC_FEATURES      0x00000140
#define MSR_MCG_CAP            0x00000179
#define MSR_MCG_STATUS         0x0000017a
#define MSR_MCG_CTL            0x0000017b
#define MSR_THERM_CONTROL      0x0000019a
#define MSR_ENERGY_PERF_BIAS   0x000001b0
#define MSR_PERF_CAPABILITIES  0x00000345
#define MSR_XEN_HYPERCALL_PAGE 0x40000000
#define MSR_AMD_HWCR           0xc0010015
#define MSR_AMD_NB_CFG         0xc001001f
#define MSR_AMD_FIDVID_CTL     0xc0010041
#define MSR_AMD_FIDVID_STATUS  0xc0010042
#define MSR_AMD_PSTATE_FIRST   0xc0010061
#define MSR_AMD_PSTATE_LAST    0xc001006b
#define MSR_AMD_PATCH_LOADER   0xc0010020

#define APIC_BASE_ADDRESS 0xfee00000UL
#define APIC_BASE_ENABLE  BIT(11)
#define APIC_BASE_BSP     BIT(8)

/* IA32_MISC_ENABLE as a guest sees it: no performance monitoring, no MONITOR, no branch trace, no xTPR
 * messages. */
#define MISC_ENABLE_CLEAR (BIT(7) | BIT(18))
#define MISC_ENABLE_SET   (BIT(11) | BIT(12) | BIT(23))

/* Registers that read as zero and ignore what is written. */
static bool reads_zero(uint32_t msr)
{
    switch (msr) {
    case MSR_PLATFORM_ID:
    case MSR_UCODE_REV:
    case MSR_PLATFORM_INFO:
    case MSR_MISC_FEATURES:
    case MSR_MCG_CAP:
    case MSR_MCG_STATUS:
    case MSR_MCG_CTL:
    case MSR_PERF_CAPABILITIES:
    case MSR_AMD_HWCR:
    case MSR_AMD_NB_CFG:
    case MSR_AMD_FIDVID_CTL:
    case MSR_AMD_FIDVID_STATUS:
    case MSR_AMD_PSTATE_FIRST ... MSR_AMD_PSTATE_LAST:
        return true;
    default:
        return false;
    }
}

static bool ignores_writes(uint32_t msr)
{
    switch (msr) {
    case MSR_MPERF:
    case MSR_APERF:
    case MSR_THERM_CONTROL:
    case MSR_ENERGY_PERF_BIAS:
    case MSR_UCODE_REV:
    case MSR_MCG_STATUS:
    case MSR_MCG_CTL:
    case MSR_AMD_HWCR:
    case MSR_AMD_NB_CFG:
    case MSR_AMD_FIDVID_CTL:
    case MSR_AMD_PSTATE_FIRST ... MSR_AMD_PSTATE_LAST:
    case MSR_AMD_PATCH_LOADER:
        return true;
    default:
        return false;
    }
}

static bool read_misc_enable(uint64_t *value)
{
    if (!host_cpu.intel || !rdmsr_safe(MSR_MISC_ENABLE, value))
        return false;
    *value = (*value & ~MISC_ENABLE_CLEAR) | MISC_ENABLE_SET;
    return true;
}

/* False: #GP. */
static bool read_msr(const struct vcpu *v, uint32_t msr, uint64_t *value)
{
    switch (msr) {
    case MSR_FS_BASE:
    case MSR_GS_BASE:
    case MSR_KERNEL_GS_BASE:
        *value = rdmsr(msr);
        return true;
    case MSR_EFER:
        *value = rdmsr(MSR_EFER) & ~EFER_SVME;
        return true;
    case MSR_PAT:
        *value = PV_PAT;
        return true;
    case MSR_APIC_BASE:
        *value = APIC_BASE_ADDRESS | APIC_BASE_ENABLE | (v->id == 0 ? APIC_BASE_BSP : 0);
        return true;
    case MSR_TSC:
        *value = rdtsc_ordered();
        return true;
    case MSR_MISC_ENABLE:
        return read_misc_enable(value);
    default:
        *value = 0;
        return reads_zero(msr) || !v->pv.traps[TRAP_GP].address;
    }
}

/* The stubs for guests that call through a page: what an ELF note asks for, asked for later. */
static bool write_hypercall_page(const struct domain *d, uint64_t value)
{
    mfn_t m = mfn(value >> PAGE_SHIFT);
    struct frame *f = mfn_to_frame(m);

    if ((value & ~PAGE_MASK) || !frame_get_from_mfn(m, d))
        return false;
    if (!page_get_writable(f)) {
        frame_put(f);
        return false;
    }
    pv_fill_hypercall_page(mfn_to_virt(m));
    page_put_writable(f);
    frame_put(f);
    return true;
}

static bool write_msr(struct vcpu *v, uint32_t msr, uint64_t value)
{
    uint64_t now;

    switch (msr) {
    case MSR_FS_BASE:
    case MSR_GS_BASE:
    case MSR_KERNEL_GS_BASE:
        if (!is_canonical(value))
            return false;
        wrmsr(msr, value);
        return true;
    case MSR_EFER:
    case MSR_PAT:
    case MSR_APIC_BASE:
        return read_msr(v, msr, &now) && value == now;
    case MSR_MISC_ENABLE:
        return read_misc_enable(&now);
    case MSR_XEN_HYPERCALL_PAGE:
        return write_hypercall_page(v->domain, value);
    default:
        return ignores_writes(msr);
    }
}

enum emulation emulate_rdmsr(struct vcpu *v, struct regs *r)
{
    uint64_t value;

    if (!read_msr(v, (uint32_t)r->rcx, &value))
        return EMULATE_FAULT;
    r->rax = (uint32_t)value;
    r->rdx = value >> 32;
    return EMULATE_DONE;
}

enum emulation emulate_wrmsr(struct vcpu *v, struct regs *r)
{
    uint64_t value = (uint32_t)r->rax | r->rdx << 32;

    return write_msr(v, (uint32_t)r->rcx, value) ? EMULATE_DONE : EMULATE_FAULT;
}
