/* SPDX-License-Identifier: MIT */
/* What the library does itself in a PVH guest, where a paravirtual one makes a hypercall. */
#ifndef PVGUEST_PVH_H
#define PVGUEST_PVH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hvm_start_info;

/*
 * pvh_head.S: copies `words` words of the image to address 0 on, which is mapped to its new place, and has it
 * go on there: writes `count` consecutive entries of 2 MiB, the first one as `value`, and flushes the TLB.
 */
void pvh_move_image(uint64_t *entries, uint64_t value, size_t count, size_t words);

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

/* The physical frame where the frame of another domain stands that is mapped at an address of vmap.h: each
 * page of that area has one. */
unsigned long pvh_map_gfn(const void *addr);
bool pvh_is_map_gfn(unsigned long gfn);

/* The physical frame of page frame pfn, whether or not there is memory. Behind the domain's first memory they
 * go on from 4 GiB on: below are the hypervisor's pages and the local APIC. */
unsigned long pvh_gfn(unsigned long pfn);
/* Whether so many page frames stay clear of the area of pvh_map_gfn(). */
bool pvh_has_room(size_t pages);
/* Enters new page frames [first, end) in the table gfn -> pfn. False: no memory for it. Threads only. */
bool pvh_number_pages(unsigned long first, unsigned long end);

#endif
