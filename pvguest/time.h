/* SPDX-License-Identifier: MIT */
/* Clocks, from the hypervisor's pages: no hypercall. Any context, any vCPU. */
#ifndef PVGUEST_TIME_H
#define PVGUEST_TIME_H

#include <stdint.h>

#define NSEC_PER_SEC  1000000000ULL
#define NSEC_PER_MSEC 1000000ULL
#define NSEC_PER_USEC 1000ULL

/* As a deadline: never. */
#define TIME_NEVER UINT64_MAX

/* Nanoseconds since the host started ("system time"); never goes back. All deadlines of this library are on
 * it. */
uint64_t time_ns(void);

/* Nanoseconds since 1970-01-01 UTC. */
uint64_t time_wallclock_ns(void);

/* The TSC at the domain's entry point. */
extern uint64_t time_start_tsc;

/* Frequency of the TSC in kHz, as the hypervisor scales it. */
uint64_t time_tsc_khz(void);

#endif
