/* SPDX-License-Identifier: MIT */
/* Per-vCPU data and the few instructions that C has no word for. */
#ifndef GUESTS_CPU_H
#define GUESTS_CPU_H

#include <stdbool.h>
#include <stdint.h>
#include <xen/xen.h>
#include "tests/guests/framework/layout.h"
#include "tests/guests/framework/trap.h"

struct cpu {
    unsigned int id;
    vcpu_info_t *info;
    uint64_t catch_rsp; /* stack of the innermost trap_catch(), 0: none */
    uint64_t user_rsp;  /* stack of the user_call() under way, 0: none */
    struct trap_record record;
    unsigned long upcalls; /* event upcalls taken */
    void (*work)(void *);  /* what smp_run() wants done */
    void *work_arg;
    bool started;
};

extern uint8_t cpu_areas[MAX_CPUS][CPU_AREA_SIZE];

static inline struct cpu *cpu_of(unsigned int id)
{
    return (struct cpu *)cpu_areas[id];
}

static inline struct cpu *this_cpu(void)
{
    uint64_t rsp;

    asm volatile("mov %%rsp, %0" : "=r"(rsp));
    return (struct cpu *)(rsp & -(uint64_t)CPU_AREA_SIZE);
}

static inline void cpu_relax(void)
{
    asm volatile("pause" : : : "memory");
}

static inline uint64_t rdtsc(void)
{
    uint32_t lo, hi;

    asm volatile("lfence; rdtsc" : "=a"(lo), "=d"(hi) : : "memory");
    return ((uint64_t)hi << 32) | lo;
}

struct cpuid {
    uint32_t a, b, c, d;
};

static inline struct cpuid cpuid_native(uint32_t leaf, uint32_t subleaf)
{
    struct cpuid r;

    asm volatile("cpuid" : "=a"(r.a), "=b"(r.b), "=c"(r.c), "=d"(r.d) : "0"(leaf), "2"(subleaf));
    return r;
}

/* Behind the forced-emulation prefix: the policy's view. */
static inline struct cpuid cpuid_forced(uint32_t leaf, uint32_t subleaf)
{
    struct cpuid r;

    asm volatile(".byte 0x0f, 0x0b, 0x78, 0x65, 0x6e; cpuid"
                 : "=a"(r.a), "=b"(r.b), "=c"(r.c), "=d"(r.d)
                 : "0"(leaf), "2"(subleaf));
    return r;
}

static inline uint64_t rdmsr(uint32_t index)
{
    uint32_t lo, hi;

    asm volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(index));
    return ((uint64_t)hi << 32) | lo;
}

static inline void wrmsr(uint32_t index, uint64_t value)
{
    asm volatile("wrmsr" : : "c"(index), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)) : "memory");
}

#define MSR_FS_BASE        0xc0000100u
#define MSR_GS_BASE        0xc0000101u
#define MSR_KERNEL_GS_BASE 0xc0000102u

#define barrier() asm volatile("" : : : "memory")

#endif
