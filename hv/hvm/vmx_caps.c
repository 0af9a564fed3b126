/* SPDX-License-Identifier: MIT */
/*
 * What VT-x offers here, against what is needed (SDM Vol. 3 appendix A). Each group of controls has an MSR
 * that says which bits must be 1 and which may be; nothing is switched on that is not allowed, and what is
 * needed but missing is named. VIA's and Zhaoxin's processors have the same interface.
 */
#include "hv/cpu/cpuid.h"
#include "hv/cpu/insn.h"
#include "hv/cpu/msr_index.h"
#include "hv/cpu/time.h"
#include "hv/hvm/vmx.h"
#include "hv/io/console.h"
#include "hv/lib/printf.h"

struct vmx_caps vmx_caps __ro_after_init;

struct control {
    uint64_t bit;
    const char *name;
};

struct control_group {
    uint32_t msr;
    uint32_t *chosen;
    const struct control *needed; /* ends with a bit of 0 */
    uint64_t wanted;              /* used if there */
};

static const struct control needed_pin[] = {
    { PIN_EXTERNAL_INTERRUPT, "exits for external interrupts" },
    { PIN_NMI, "exits for NMIs" },
    { PIN_VIRTUAL_NMI, "virtual NMIs" },
    { 0, NULL },
};

static const struct control needed_proc[] = {
    { PROC_TSC_OFFSET, "TSC offset" },
    { PROC_HLT, "exits for hlt" },
    { PROC_MWAIT, "exits for mwait" },
    { PROC_RDPMC, "exits for rdpmc" },
    { PROC_TPR_SHADOW, "TPR shadow" },
    { PROC_MOV_DR, "exits for debug registers" },
    { PROC_IO, "exits for I/O" },
    { PROC_MSR_BITMAP, "MSR bitmap" },
    { PROC_MONITOR, "exits for monitor" },
    { PROC_SECONDARY, "secondary controls" },
    { 0, NULL },
};

static const struct control needed_proc2[] = {
    { PROC2_EPT, "extended page tables" },
    { PROC2_UNRESTRICTED, "unrestricted guest" },
    { 0, NULL },
};

static const struct control needed_exit[] = {
    { EXIT_SAVE_DEBUG, "saving of debug controls" }, { EXIT_HOST_64BIT, "64-bit host" },
    { EXIT_LOAD_PAT, "loading of PAT at exits" },    { EXIT_SAVE_EFER, "saving of EFER at exits" },
    { EXIT_LOAD_EFER, "loading of EFER at exits" },  { 0, NULL },
};

static const struct control needed_entry[] = {
    { ENTRY_LOAD_DEBUG, "loading of debug controls" },
    { ENTRY_LOAD_PAT, "loading of PAT at entries" },
    { ENTRY_LOAD_EFER, "loading of EFER at entries" },
    { 0, NULL },
};

static const struct control_group groups[] = {
    { MSR_VMX_TRUE_PIN, &vmx_caps.pin, needed_pin, PIN_PREEMPTION_TIMER },
    { MSR_VMX_TRUE_PROC, &vmx_caps.proc, needed_proc, 0 },
    { MSR_VMX_PROC_2, &vmx_caps.proc2, needed_proc2,
      PROC2_RDTSCP | PROC2_VPID | PROC2_WBINVD | PROC2_INVPCID },
    { MSR_VMX_TRUE_EXIT, &vmx_caps.exit, needed_exit, 0 },
    { MSR_VMX_TRUE_ENTRY, &vmx_caps.entry, needed_entry, 0 },
};

/* Bits that would be forced on us but are not handled. */
static const uint64_t unwelcome_proc = PROC_CR3_LOAD | PROC_CR3_STORE;

static char missing[80];

static const char *choose(const struct control_group *g)
{
    uint64_t allowed = rdmsr(g->msr), may = allowed >> 32, needed = 0;

    for (const struct control *c = g->needed; c->bit; c++) {
        if (!(may & c->bit)) {
            snprintf(missing, sizeof(missing), "VT-x without %s", c->name);
            return missing;
        }
        needed |= c->bit;
    }
    *g->chosen = (uint32_t)(allowed | ((needed | g->wanted) & may));
    return NULL;
}

static bool feature_control_ok(void)
{
    uint64_t value;

    if (!rdmsr_safe(MSR_FEATURE_CONTROL, &value))
        return true; /* not every maker has it */
    return !(value & FEATURE_CONTROL_LOCK) || (value & FEATURE_CONTROL_VMXON);
}

static const char *check_ept(uint64_t caps)
{
    if (!(caps & EPT_CAP_WALK_4) || !(caps & EPT_CAP_WB) || !(caps & EPT_CAP_2M))
        return "VT-x whose extended page tables have no four levels, write-back tables or 2 MiB pages";
    if (!(caps & EPT_CAP_INVEPT) || !(caps & (EPT_CAP_INVEPT_SINGLE | EPT_CAP_INVEPT_ALL)))
        return "VT-x without INVEPT";
    return NULL;
}

/* Secondary controls that are of use together. */
static uint32_t __init all_or_none(uint32_t controls)
{
    return (rdmsr(MSR_VMX_PROC_2) >> 32 & controls) == controls ? controls : 0;
}

const char *__init vmx_caps_detect(void)
{
    const char *bad = NULL;
    uint64_t basic;

    if (!host_cpu.vmx)
        return "the CPU has neither SVM nor VT-x";
    if (!feature_control_ok())
        return "VT-x is disabled by the firmware";
    basic = rdmsr(MSR_VMX_BASIC);
    if (!(basic & VMX_BASIC_TRUE) || !VMX_BASIC_WB(basic))
        return "VT-x of a first generation";
    vmx_caps.revision = (uint32_t)basic & 0x7fffffff;
    for (unsigned int i = 0; i < ARRAY_SIZE(groups) && !bad; i++)
        bad = choose(&groups[i]);
    if (bad)
        return bad;
    if (vmx_caps.proc & unwelcome_proc)
        return "VT-x that exits for every load of CR3";
    vmx_caps.ept_vpid = rdmsr(MSR_VMX_EPT_VPID);
    vmx_caps.x2apic = all_or_none(PROC2_X2APIC_MODE);
    vmx_caps.xapic = all_or_none(PROC2_XAPIC_MODE);
    vmx_caps.stay = (uint32_t)(tsc_khz >> (rdmsr(MSR_VMX_MISC) & 31));
    vmx_caps.cr0_must = rdmsr(MSR_VMX_CR0_FIXED0);
    vmx_caps.cr4_must = rdmsr(MSR_VMX_CR4_FIXED0);
    bad = check_ept(vmx_caps.ept_vpid);
    if (!bad)
        printk(LOG_INFO "hardware guests: Intel VT-x with extended page tables, unrestricted guest%s%s%s\n",
               vmx_caps.proc2 & PROC2_VPID ? ", VPID" : "",
               vmx_caps.ept_vpid & EPT_CAP_1G ? ", 1 GiB pages" : "",
               vmx_caps.x2apic ? ", x2APIC and interrupts without exits" : "");
    return bad;
}
