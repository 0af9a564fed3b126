/* SPDX-License-Identifier: MIT */
/*
 * Has vCPUs come and go as the toolstack says in xenstore (`xl vcpu-set`; the nodes cpu/N/availability), as
 * Linux does. The first vCPU, on which threads run, stays.
 */
#ifndef PVGUEST_VCPU_SET_H
#define PVGUEST_VCPU_SET_H

/* Starts the thread that follows the nodes, if there is more than one vCPU. Once; 0 or an errno of <errno.h>.
 */
int vcpu_set_start(void);

#endif
