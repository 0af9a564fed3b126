/* SPDX-License-Identifier: MIT */
/* Time as the hypervisor tells it: nanoseconds since its boot. */
#ifndef GUESTS_CLOCK_H
#define GUESTS_CLOCK_H

#include <stdint.h>
#include <xen/xen.h>

/* System time from this vCPU's vcpu_time_info and the TSC. */
uint64_t clock_now(void);
/* The same from any time info (a registered secondary area, another vCPU's slot). */
uint64_t clock_read(const volatile struct vcpu_time_info *t);

#define MS 1000000ull
/* How much early a timer may fire: the hypervisor rounds deadlines, and its clocks are calibrated while they
 * run. */
#define CLOCK_SLACK MS

#endif
