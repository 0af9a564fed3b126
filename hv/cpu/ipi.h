/* SPDX-License-Identifier: MIT */
/* Inter-processor requests: TLB shoot-down, function calls, "look at your pending word". */
#ifndef HV_CPU_IPI_H
#define HV_CPU_IPI_H

#include "hv/lib/cpumask.h"

/* Interrupt vectors the hypervisor keeps for itself; devices get VECTOR_FIRST_DEVICE..VECTOR_LAST_DEVICE. */
#define VECTOR_FIRST_DEVICE 0x30
#define VECTOR_LAST_DEVICE  0xef
#define VECTOR_SPURIOUS     0xff
#define VECTOR_FLUSH        0xfd /* TLB shoot-down request waits */
#define VECTOR_WAKE         0xfb /* look at cpu_info.pending */
#define VECTOR_TIMER        0xf9
#define VECTOR_APIC_ERROR   0xfe

/*
 * Flush TLBs and wait until it is done everywhere. Any lock may be held: CPUs that wait for a lock serve the
 * request. The own CPU is included when it is in `mask`. `va`: one page, or FLUSH_ALL_VA for everything incl.
 * global entries.
 */
#define FLUSH_ALL_VA (~0ULL)
void tlb_flush_mask(cpumask_t mask, uint64_t va);
void tlb_flush_local(void);      /* everything, global entries too, on this CPU */
void cpu_service_requests(void); /* serve a waiting shoot-down; called by spinning code */

/*
 * The TLB clock: advances whenever some CPU flushes its whole TLB. A frame's stamp compared with the CPUs'
 * last flush tells which CPUs may still hold an entry for it. tlb_flush_needed() narrows `mask` to those.
 */
uint32_t tlb_clock_now(void);
cpumask_t tlb_flush_needed(cpumask_t mask, uint32_t stamp);

/* Run fn(arg) on every CPU in mask (the own too) and wait. No locks may be held. */
void on_cpus(cpumask_t mask, void (*fn)(void *), void *arg);

#endif
