/* SPDX-License-Identifier: MIT */
/* Single privileged instructions as functions. */
#ifndef HV_CPU_INSN_H
#define HV_CPU_INSN_H

#include "hv/lib/types.h"

#define READ_CR(n)                                                  \
    static inline uint64_t read_cr##n(void)                         \
    {                                                               \
        uint64_t v;                                                 \
        __asm__ volatile("mov %%cr" #n ", %0" : "=r"(v)::"memory"); \
        return v;                                                   \
    }                                                               \
    static inline void write_cr##n(uint64_t v)                      \
    {                                                               \
        __asm__ volatile("mov %0, %%cr" #n ::"r"(v) : "memory");    \
    }
READ_CR(0)
READ_CR(2)
READ_CR(3)
READ_CR(4)
#undef READ_CR

#define DEBUG_REG(n)                                      \
    static inline uint64_t read_dr##n(void)               \
    {                                                     \
        uint64_t v;                                       \
        __asm__ volatile("mov %%db" #n ", %0" : "=r"(v)); \
        return v;                                         \
    }                                                     \
    static inline void write_dr##n(uint64_t v)            \
    {                                                     \
        __asm__ volatile("mov %0, %%db" #n ::"r"(v));     \
    }
DEBUG_REG(0)
DEBUG_REG(1)
DEBUG_REG(2)
DEBUG_REG(3)
DEBUG_REG(6)
DEBUG_REG(7)
#undef DEBUG_REG

static inline uint64_t rdmsr(uint32_t msr)
{
    uint32_t lo, hi;
    __asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr));
    return ((uint64_t)hi << 32) | lo;
}

static inline void wrmsr(uint32_t msr, uint64_t v)
{
    __asm__ volatile("wrmsr" ::"c"(msr), "a"((uint32_t)v), "d"((uint32_t)(v >> 32)) : "memory");
}

/* MSR access that may fault: false when the MSR does not exist or the value is refused (exception table). */
bool __must_check rdmsr_safe(uint32_t msr, uint64_t *value);
bool __must_check wrmsr_safe(uint32_t msr, uint64_t value);

static inline void cpuid_count(uint32_t leaf, uint32_t sub, uint32_t *a, uint32_t *b, uint32_t *c,
                               uint32_t *d)
{
    __asm__ volatile("cpuid" : "=a"(*a), "=b"(*b), "=c"(*c), "=d"(*d) : "0"(leaf), "2"(sub));
}

/* Ordered enough for timekeeping under TSO: lfence keeps it from moving up. */
static inline uint64_t rdtsc(void)
{
    uint32_t lo, hi;
    __asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
    return ((uint64_t)hi << 32) | lo;
}

static inline uint64_t rdtsc_ordered(void)
{
    uint32_t lo, hi;
    __asm__ volatile("lfence; rdtsc" : "=a"(lo), "=d"(hi)::"memory");
    return ((uint64_t)hi << 32) | lo;
}

static inline void outb(uint16_t port, uint8_t v)
{
    __asm__ volatile("outb %0, %1" ::"a"(v), "Nd"(port));
}
static inline void outw(uint16_t port, uint16_t v)
{
    __asm__ volatile("outw %0, %1" ::"a"(v), "Nd"(port));
}
static inline void outl(uint16_t port, uint32_t v)
{
    __asm__ volatile("outl %0, %1" ::"a"(v), "Nd"(port));
}
static inline uint8_t inb(uint16_t port)
{
    uint8_t v;
    __asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
    return v;
}
static inline uint16_t inw(uint16_t port)
{
    uint16_t v;
    __asm__ volatile("inw %1, %0" : "=a"(v) : "Nd"(port));
    return v;
}
static inline uint32_t inl(uint16_t port)
{
    uint32_t v;
    __asm__ volatile("inl %1, %0" : "=a"(v) : "Nd"(port));
    return v;
}

static inline void invlpg(uint64_t va)
{
    __asm__ volatile("invlpg (%0)" ::"r"(va) : "memory");
}

static inline void irq_enable(void)
{
    __asm__ volatile("sti" ::: "memory");
}
static inline void irq_disable(void)
{
    __asm__ volatile("cli" ::: "memory");
}

/* A 64-bit address that the CPU accepts (48-bit virtual addresses). */
static inline bool is_canonical(uint64_t va)
{
    return (uint64_t)((int64_t)(va << 16) >> 16) == va;
}

#endif
