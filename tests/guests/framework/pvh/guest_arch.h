/* SPDX-License-Identifier: MIT */
/* What the framework's shared parts need of a PVH guest. */
#ifndef GUESTS_PVH_ARCH_H
#define GUESTS_PVH_ARCH_H

#include "tests/guests/framework/cpu.h"

#define ARCH_KERNEL_CS 0x08u
#define ARCH_KERNEL_SS 0x10u

/* Frames are the guest's own, and the hypervisor knows the machine's behind them. */
#define ARCH_TRANSLATED true

/* The vector of event upcalls, past the local APIC. */
#define UPCALL_VECTOR 0x20u

/* A guest frame in the place of a page of the image. */
void pvh_map(void *page, uint64_t frame);

/* What the hypervisor lets this guest know. */
static inline struct cpuid arch_cpuid(uint32_t leaf, uint32_t subleaf)
{
    return cpuid_native(leaf, subleaf);
}

static inline uint64_t arch_cr2(void)
{
    uint64_t v;

    asm volatile("mov %%cr2, %0" : "=r"(v));
    return v;
}

/* Tests for PVH have no user mode. */
static inline bool arch_user_exit(struct cpu_regs *regs)
{
    (void)regs;
    return false;
}

/* The shadow of sti ends with the nop: what is pending comes then. */
static inline void arch_events_on(vcpu_info_t *info)
{
    (void)info;
    asm volatile("sti; nop; nop" : : : "memory");
}

static inline void arch_events_wait(void)
{
    asm volatile("sti; hlt" : : : "memory");
}

static inline bool arch_events_enabled(const vcpu_info_t *info)
{
    uint64_t flags;

    (void)info;
    asm volatile("pushfq; pop %0" : "=r"(flags));
    return flags & EFLAGS_IF;
}

static inline void arch_events_off(vcpu_info_t *info)
{
    (void)info;
    asm volatile("cli" : : : "memory");
}

#endif
