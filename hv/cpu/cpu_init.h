/* SPDX-License-Identifier: MIT */
/* Steps of bringing up one CPU that several files share. */
#ifndef HV_CPU_CPU_INIT_H
#define HV_CPU_CPU_INIT_H

#include "hv/lib/types.h"

/* Control registers, EFER, PAT and FPU of this CPU as the hypervisor runs it. */
void cpu_init_features(void);
/* Create the idle vCPU and run queue of a CPU that is about to start (hv/sched); 0 or -ENOMEM. */
int cpu_prepare_idle(unsigned int cpu);
/* Become this CPU's idle loop. */
void __noreturn cpu_enter_idle(void);

extern bool opt_smap, opt_smep;

#endif
