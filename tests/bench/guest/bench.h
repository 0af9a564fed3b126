/* SPDX-License-Identifier: MIT */
/* The bench guest's ruler. Under QEMU's -icount shift=0 one TSC tick is one instruction. */
#ifndef BENCH_GUEST_BENCH_H
#define BENCH_GUEST_BENCH_H

#include <stdbool.h>
#include <stdint.h>

static inline uint64_t bench_tsc(void)
{
    uint32_t lo, hi;

    __asm__ __volatile__("rdtsc" : "=a"(lo), "=d"(hi) : : "memory");
    return ((uint64_t)hi << 32) | lo;
}

/* Prints "BENCH name value instructions", or "ns". */
void bench_report(const char *name, uint64_t value);
void bench_report_ns(const char *name, uint64_t value);

/* Runs the statement `count` times after a warm-up of a tenth and reports the mean. */
#define MEASURE(name, count, ...)                             \
    do {                                                      \
        uint64_t start_;                                      \
                                                              \
        for (unsigned int i = 0; i < (count) / 10 + 1; i++) { \
            __VA_ARGS__;                                      \
        }                                                     \
        start_ = bench_tsc();                                 \
        for (unsigned int i = 0; i < (count); i++) {          \
            __VA_ARGS__;                                      \
        }                                                     \
        bench_report(name, (bench_tsc() - start_) / (count)); \
    } while (0)

/* A hypercall through the hypercall page with up to four arguments. */
static inline long page_call(unsigned int nr, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4)
{
    register uint64_t r10 __asm__("r10") = a4;
    long ret;

    __asm__ __volatile__("call hypercall_page + %c[slot]"
                         : "=a"(ret), "+D"(a1), "+S"(a2), "+d"(a3), "+r"(r10)
                         : [slot] "i"(nr * 32)
                         : "rcx", "r11", "memory");
    return ret;
}

void bench_calls(void);
void bench_events(void);
void bench_memory(void);
void bench_tables(void);
void bench_traps(void);
void bench_grants(void);
void bench_switches(bool two_cpus);
void bench_domains(bool two_cpus);

#endif
