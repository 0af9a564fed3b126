/* SPDX-License-Identifier: MIT */
/*
 * Further vCPUs, up to 32 with the first. Each runs one function to its end, then goes down. Such a function
 * may make hypercalls, read clocks, print, use atomics and its own event channels' handlers; it may not
 * allocate memory, block, or touch threads.
 */
#ifndef PVGUEST_SMP_H
#define PVGUEST_SMP_H

#include <stdbool.h>

struct vcpu_info;

/* vCPUs that this domain has, up or not, counted by asking the hypervisor. */
unsigned int smp_cpu_count(void);

/* Starts vCPU `id` (> 0) in fn(arg) with upcalls enabled. 0 or a negated Xen errno: -XEN_ENOENT if it does
 * not exist, -XEN_EBUSY if its function still runs, -XEN_EAGAIN if it was set offline. Threads only. */
int smp_start(unsigned int id, void (*fn)(void *arg), void *arg);

/* Whether a vCPU other than the first has ever been started. Any context. */
bool smp_others_started(void);

/* From now on the vCPU is up, whether or not it has a function (it sleeps then), or is down and takes no new
 * function; one that runs comes to its end first. 0 or a negated Xen errno. Threads only. */
int smp_set_online(unsigned int id, bool online);

/* Whether the vCPU that calls was set offline: a function that runs long ends then. */
bool smp_should_stop(void);

/* Waits, sleeping, until the vCPU's function has returned. Threads only. */
void smp_join(unsigned int id);

/* Start of day, first of all: makes this_cpu() work on vCPU 0. */
void smp_init_boot_cpu(struct vcpu_info *info);

#endif
