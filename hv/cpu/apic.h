/* SPDX-License-Identifier: MIT */
/* Local APIC in xAPIC or x2APIC mode (SDM Vol. 3 ch. 11). */
#ifndef HV_CPU_APIC_H
#define HV_CPU_APIC_H

#include "hv/lib/cpumask.h"

extern uint32_t cpu_apic_id[NR_CPUS]; /* physical APIC id of each logical CPU */

void apic_init_boot(void); /* choose the mode, map the registers, enable on this CPU */
void apic_init_cpu(void);  /* enable on an AP */
uint32_t apic_id(void);
void apic_eoi(void);
/* Let this CPU's APIC say once more that an interrupt waits, if one does. */
void apic_recheck(void);
void apic_send_ipi(unsigned int cpu, uint8_t vector);
void apic_send_nmi(unsigned int cpu);
void apic_send_init(uint32_t dest_apic_id);
void apic_send_startup(uint32_t dest_apic_id, uint8_t page);
/* One-shot timer: fire VECTOR_TIMER at TSC value `deadline` (0 = stop). */
void apic_timer_set(uint64_t tsc_deadline);
void apic_timer_init(void); /* calibrates once; TSC-deadline mode when the CPU has it */

#endif
