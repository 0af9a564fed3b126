/* SPDX-License-Identifier: MIT */
/* Secondary vCPUs: brought up on first use, each runs one function at a time and takes itself down after it.
 */
#ifndef GUESTS_SMP_H
#define GUESTS_SMP_H

#include <stdbool.h>
#include <stdint.h>

/* vCPUs that exist, this one included (at most MAX_CPUS). */
unsigned int smp_count(void);
/* VCPUOP_initialise in the form of this kind of guest: it starts at smp_entry on `stack`. */
long smp_initialise(unsigned int id, uint64_t stack);
/* Starts fn(arg) on a secondary vCPU that is not running anything. */
void smp_start(unsigned int cpu, void (*fn)(void *), void *arg);
bool smp_is_running(unsigned int cpu);
/* Waits until the vCPU has finished and is down. */
void smp_wait(unsigned int cpu);
/* Runs fn(arg) on the vCPU and waits. */
void smp_run(unsigned int cpu, void (*fn)(void *), void *arg);

#endif
