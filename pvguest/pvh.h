/* SPDX-License-Identifier: MIT */
/* What the library does itself in a PVH guest, where a paravirtual one makes a hypercall. */
#ifndef PVGUEST_PVH_H
#define PVGUEST_PVH_H

#include <stdint.h>

/* The address space of physical frames where grants are mapped, one for each page of vmap.h's area. */
#define PVH_GRANT_GFN 0x1000000UL

struct hvm_start_info;

/* Called by pvh_head.S on the boot stack, with 1 GiB mapped. */
void pvh_start(uint64_t start_info_paddr) __attribute__((noreturn));

/* Puts the hypervisor's page (XENMAPSPACE_*, index) into a frame, in the place of what is there. 0 or a
 * negated Xen errno. */
int pvh_add_to_physmap(unsigned int space, unsigned long index, unsigned long gfn);

/* Interrupt table, task state and the vector of event upcalls, which is the same on every vCPU. */
void pvh_trap_init(void);

/* The same of a further vCPU, in its own code. A double fault is a stack that ran into its guard page, so it
 * is taken on another one, of PVH_FAULT_STACK bytes. */
#define PVH_FAULT_STACK 16384
void pvh_trap_init_vcpu(unsigned int id, void *stack);

/* Where a further vCPU begins: see pvh_head.S. */
void pvh_vcpu_entry(void);

void pvh_set_gs_base(unsigned long base);

/* The ring page of that frame number, which stands outside the linear area. */
void *pvh_ring(unsigned long gfn);

/* The frame in which the grant that is mapped at an address of vmap.h stands. */
unsigned long pvh_grant_gfn(const void *addr);

#endif
