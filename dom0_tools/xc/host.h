/* SPDX-License-Identifier: MIT */
/*
 * The machine and the hypervisor as a whole (<xen/sysctl.h>, Xen 4.17's interface version). Each function
 * returns 0 (or a count) or a negated Xen errno. Buffers are passed as they are: this kernel's memory is
 * always present.
 */
#ifndef DOM0_XC_HOST_H
#define DOM0_XC_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <xen/xen.h>
#include <xen/sysctl.h>
#include <xen/version.h>

int xc_physinfo(struct xen_sysctl_physinfo *info);

/* XEN_SCHEDULER_* */
int xc_scheduler(uint32_t *id);

/* The least time between two preemptions on a CPU of pool 0, in microseconds, if that scheduler has it. */
int xc_scheduler_ratelimit(uint32_t *us);

/* With topo NULL sets *nr to the number of CPUs, else fills at most *nr entries and sets *nr to how many. */
int xc_cpu_topology(struct xen_sysctl_cputopo *topo, uint32_t *nr);

/* The same for memory nodes; distances are a square of *nr * *nr numbers. */
int xc_numa(struct xen_sysctl_meminfo *info, uint32_t *distances, uint32_t *nr);

/* CPUs that belong to no pool. */
int xc_free_cpus(uint8_t *map, uint32_t nr_cpus);

/* Reads the hypervisor's log from *index on (0: from the oldest byte kept) and moves *index behind what was
 * read. Returns the number of bytes, 0 at the end. */
int xc_read_log(char *buf, uint32_t size, uint32_t *index, bool clear);

/* As if the keys were typed at the hypervisor's own console. */
int xc_debug_keys(const char *keys, size_t nr);

#endif
