/* SPDX-License-Identifier: MIT */
/*
 * A domctl of our own, vcpu_exits: how often the hypervisor had to leave a hardware guest, by reason. Xen
 * counts that for the whole machine, and only when built for it (XEN_SYSCTL_perfc_op), so there is no
 * operation of Xen's to take; the number is far from Xen's. Where it is missing it is -ENOSYS; -ESRCH: no
 * such vCPU; -EOPNOTSUPP: a PV domain, which has no exits.
 */
#ifndef HV_LIB_VCPU_EXITS_ABI_H
#define HV_LIB_VCPU_EXITS_ABI_H

#include <stdint.h>

#define XEN_DOMCTL_ryokan_vcpu_exits 0x52590001

/* The order is ABI: reasons are added at the end. */
enum hvm_exit {
    HVM_EXIT_INTERRUPT,
    HVM_EXIT_WINDOW, /* it can take an interrupt now */
    HVM_EXIT_CPUID,
    HVM_EXIT_MSR,
    HVM_EXIT_HYPERCALL,
    HVM_EXIT_HLT,
    HVM_EXIT_NESTED_FAULT, /* of the second-level tables */
    HVM_EXIT_MMIO,         /* those of them that were accesses without memory, emulated */
    HVM_EXIT_IO,
    HVM_EXIT_CONTROL_REGISTER,
    HVM_EXIT_DEBUG_REGISTER,
    HVM_EXIT_EXCEPTION,
    HVM_EXIT_OTHER,
    HVM_EXITS,
};

/* One word each, by enum hvm_exit. */
extern const char *const hvm_exit_names[HVM_EXITS];

/* At the beginning of op.u. */
struct ryokan_vcpu_exits {
    uint32_t vcpu;              /* in */
    uint32_t nr;                /* out: counts that follow; HVM_EXITS */
    uint64_t counts[HVM_EXITS]; /* out: since the vCPU was made */
};

#endif
