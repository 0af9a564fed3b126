/* SPDX-License-Identifier: MIT */
/*
 * A machine's memory for tests of hv/mm and hv/pv: RAM, frame table and machine-to-phys table are sparse
 * areas of the test's own address space, and layout.h's addresses are theirs. A test includes this first and
 * then the hypervisor's sources.
 */
#ifndef TESTS_UNIT_FAKE_MEMORY_H
#define TESTS_UNIT_FAKE_MEMORY_H

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "hv/lib/types.h"

#define FAKE_RAM_BYTES GIB(6)

static char *fake_ram, *fake_frame_table, *fake_m2p;

/* In place of hv/mm/layout.h; a guest's addresses keep their places. */
#define HV_MM_LAYOUT_H
#define HV_FIRST_SLOT     256
#define HV_LAST_SLOT      271
#define SLOT_WINDOWS      260
#define HV_VIRT_END       0xffff880000000000
#define CANONICAL_LOW_END 0x0000800000000000
#define DIRECT_MAP_START  ((uint64_t)fake_ram)
#define FRAME_TABLE_START ((uint64_t)fake_frame_table)
#define M2P_RW_START      ((uint64_t)fake_m2p)
#define M2P_RO_START      ((uint64_t)fake_m2p)

/* In place of hv/cpu/current.h. */
#define HV_CPU_CURRENT_H
struct vcpu;
static __attribute__((unused)) struct vcpu *current;

#include "hv/lib/bug.h"
#include "hv/lib/cpumask.h"
#include "tests/unit/fake_locks.h"
#include "hv/mm/frame.h"
#include "hv/mm/mm_init.h"
#include "hv/mm/paging.h"

void panic(const char *fmt, ...)
{
    fprintf(stderr, "panic: %s\n", fmt);
    abort();
}

void bug(const char *file, unsigned int line, const char *what)
{
    /* Not cr_log_error(): that fails the binary, and a test may expect to end here. */
    fprintf(stderr, "%s:%u: %s\n", file, line, what);
    abort();
}

/* TLBs: how often a flush was asked for. Every CPU has always used every frame since it was stamped. */
static __unused unsigned int fake_flushes;
static void (*fake_on_flush)(void); /* what the test looks at meanwhile */
static uint32_t fake_clock;
cpumask_t cpu_online_map = { 1 };

void tlb_flush_mask(cpumask_t mask __unused, uint64_t va __unused);
uint32_t tlb_clock_now(void);
cpumask_t tlb_flush_needed(cpumask_t mask, uint32_t stamp);

void tlb_flush_mask(cpumask_t mask __unused, uint64_t va __unused)
{
    fake_flushes++;
    if (fake_on_flush)
        fake_on_flush();
}
uint32_t tlb_clock_now(void)
{
    return ++fake_clock;
}
cpumask_t tlb_flush_needed(cpumask_t mask, uint32_t stamp __unused)
{
    return mask;
}

/* The entries that would map the tables: nobody looks at them. Small pages' table is at the end of the
 * address space. */
pte_t *hv_l2_slot(uint64_t va __unused)
{
    static pte_t slot;

    slot = FAKE_RAM_BYTES - PAGE_SIZE;
    return &slot;
}

static inline void *fake_area(size_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    cr_assert_neq(p, MAP_FAILED);
    return p;
}

static inline void fake_memory_init(void)
{
    fake_ram = fake_area(FAKE_RAM_BYTES);
    fake_frame_table = fake_area(FAKE_RAM_BYTES / PAGE_SIZE * sizeof(struct frame));
    fake_m2p = fake_area(FAKE_RAM_BYTES / PAGE_SIZE * sizeof(uint64_t));
}

/* xorshift64: the same sequence in each run. */
static uint64_t fake_seed = 88172645463325252u;

static inline uint64_t fake_random(uint64_t below)
{
    fake_seed ^= fake_seed << 13;
    fake_seed ^= fake_seed >> 7;
    fake_seed ^= fake_seed << 17;
    return fake_seed % below;
}

#endif
