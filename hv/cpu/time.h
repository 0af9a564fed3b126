/* SPDX-License-Identifier: MIT */
/* System time: nanoseconds since boot from the calibrated TSC; scaling values for guests' vcpu_time_info. */
#ifndef HV_CPU_TIME_H
#define HV_CPU_TIME_H

#include "hv/lib/types.h"
#include <xen/xen.h>

struct tsc_scale {
    uint32_t mul; /* ns = ((tsc << shift) * mul) >> 32; top bit of mul set */
    int8_t shift;
};

extern uint64_t tsc_khz;
extern struct tsc_scale tsc_scale;

void time_init(void); /* measures the TSC against HPET, PM timer or PIT; boot CPU, after acpi_init */
/* With all CPUs running: are their TSCs in step? If not, now_ns() keeps time monotonic. No lock may be held.
 */
void time_check_cpus(void);

/* Monotonic nanoseconds since boot, the same on all CPUs. */
uint64_t now_ns(void);
/* ns that a number of TSC ticks takes; of more than 2^53, those of 2^53. */
uint64_t tsc_to_ns(uint64_t ticks);
/* TSC value at which now_ns() will be at least `ns`. */
uint64_t ns_to_tsc(uint64_t ns);

/* Fill a guest's time area (version protocol of xen.h struct vcpu_time_info). */
void time_update_vcpu_info(struct vcpu_time_info *t);

/* Wall clock: UTC nanoseconds at system time 0; from the RTC at boot, changed by platform_op settime. */
uint64_t wallclock_base_ns(void);
void wallclock_set_base_ns(uint64_t ns);

#endif
