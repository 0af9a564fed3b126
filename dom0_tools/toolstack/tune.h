/* SPDX-License-Identifier: MIT */
/*
 * What a running domain is told to become: its memory and its vCPUs, by nodes in xenstore that its kernel
 * watches, and by limits that the hypervisor enforces. False with a sentence in error[TOOLSTACK_ERROR_SIZE],
 * and nothing has changed. Any thread.
 */
#ifndef DOM0_TOOLSTACK_TUNE_H
#define DOM0_TOOLSTACK_TUNE_H

#include <stdbool.h>
#include <stdint.h>
#include <xen/xen.h>

/* The memory that it shall have from now on; it has to give back or take the difference by itself, and cannot
 * take more. */
bool tune_memory(domid_t domid, uint64_t kib, char *error);
/* The most that it may ever have; not less than it has been told to have. */
bool tune_max_memory(domid_t domid, uint64_t kib, char *error);
/* How many of its vCPUs, those with the lowest numbers, shall be online. */
bool tune_vcpus(domid_t domid, uint32_t nr, char *error);
/* Asks the domain's kernel to switch off, or to start anew. */
bool tune_shutdown(domid_t domid, bool reboot, char *error);
/* Sends the key to the domain's kernel as if typed with SysRq. */
bool tune_sysrq(domid_t domid, char key, char *error);

#endif
