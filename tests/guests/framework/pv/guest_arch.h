/* SPDX-License-Identifier: MIT */
/* What the framework's shared parts need of a PV guest. */
#ifndef GUESTS_PV_ARCH_H
#define GUESTS_PV_ARCH_H

#include "tests/guests/framework/cpu.h"
#include "tests/guests/framework/hypercall.h"

#define ARCH_KERNEL_CS (FLAT_KERNEL_CS & ~3u)
#define ARCH_KERNEL_SS FLAT_KERNEL_SS

/* Frames are the machine's. */
#define ARCH_TRANSLATED false

/* User mode asks to be left; true when that was it. */
bool arch_user_exit(struct cpu_regs *regs);

/* What the hypervisor lets this guest know. */
static inline struct cpuid arch_cpuid(uint32_t leaf, uint32_t subleaf)
{
    return cpuid_forced(leaf, subleaf);
}

static inline uint64_t arch_cr2(void)
{
    return this_cpu()->info->arch.cr2;
}

/* Opening the mask delivers nothing by itself: any hypercall does. */
static inline void arch_events_on(vcpu_info_t *info)
{
    __atomic_store_n(&info->evtchn_upcall_mask, 0, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&info->evtchn_upcall_pending, __ATOMIC_SEQ_CST))
        hc_xen_version(XENVER_version, 0);
}

static inline void arch_events_wait(void)
{
    hc_sched(SCHEDOP_block, 0);
}

static inline bool arch_events_enabled(const vcpu_info_t *info)
{
    return !info->evtchn_upcall_mask;
}

static inline void arch_events_off(vcpu_info_t *info)
{
    __atomic_store_n(&info->evtchn_upcall_mask, 1, __ATOMIC_SEQ_CST);
}

#endif
