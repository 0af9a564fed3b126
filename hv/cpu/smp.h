/* SPDX-License-Identifier: MIT */
/* Bringing up CPUs: stacks, per-CPU areas, the INIT/SIPI sequence. */
#ifndef HV_CPU_SMP_H
#define HV_CPU_SMP_H

#include "hv/cpu/current.h"
#include "hv/lib/cpumask.h"

/* cpu_info of another CPU; valid once its stack exists. */
struct cpu_info *cpu_info_of(unsigned int cpu);

/* Give CPU `cpu` its stack and per-CPU area: 0 or -ENOMEM. */
int cpu_prepare(unsigned int cpu);
void *cpu_stack(unsigned int cpu); /* lowest address */

/* Start all other CPUs that the firmware listed (at most `limit` in all); returns how many CPUs run now. */
unsigned int smp_bring_up(unsigned int limit);

void ipi_init(void);
void cpu_run_calls(void); /* serve on_cpus() requests; no locks held */

#endif
