/* SPDX-License-Identifier: MIT */
/* Address-space switches of this CPU; shoot-downs of others are in hv/cpu/ipi.h. */
#ifndef HV_CPU_TLB_H
#define HV_CPU_TLB_H

#include "hv/lib/types.h"

/* Load CR3 for another address space: flushes everything, global entries too, and advances the TLB clock. */
void tlb_switch_cr3(uint64_t cr3);

#endif
