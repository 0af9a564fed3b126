/* SPDX-License-Identifier: MIT */
/* The page shared with the hypervisor: event bits, wall clock, and the vcpu_info of the first 32 vCPUs. */
#ifndef PVGUEST_SHARED_INFO_H
#define PVGUEST_SHARED_INFO_H

#include <stdint.h>
#include <xen/xen.h>

extern struct shared_info *const shared_info;

/* Start of day: maps the page, whose machine address start_info holds. */
void shared_info_init(uint64_t machine_address);

#endif
