/* SPDX-License-Identifier: MIT */
/* Host CPU features, detected once. Leaves of guests are the business of hv/domain/cpuid_policy.h. */
#ifndef HV_CPU_CPUID_H
#define HV_CPU_CPUID_H

#include "hv/lib/types.h"

struct host_cpu {
    char vendor[13];
    bool intel, amd, hygon, centaur;
    bool tcg; /* runs on QEMU's software emulation */
    uint32_t family, model, stepping;
    uint32_t max_leaf, max_ext_leaf;
    uint8_t phys_bits, virt_bits;
    bool nx, page1gb, smep, smap, umip, fsgsbase, pge, pcid, invpcid, x2apic, tsc_deadline, tsc_invariant;
    bool rdtscp, xsave, xsaveopt, xsavec, mwait, syscall, sysenter, rdrand, pku;
    bool svm, vmx;
    bool l1tf;      /* loads through absent page-table entries read the first-level cache */
    bool l1d_flush; /* there is a command that empties that cache, and an entry into a guest needs it */
};
extern struct host_cpu host_cpu;

void host_cpu_detect(void); /* panics with one line when a needed feature is missing */

#endif
