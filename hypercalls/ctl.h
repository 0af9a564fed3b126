/* SPDX-License-Identifier: MIT */
/* What domctl and sysctl share. */
#ifndef HYPERCALLS_CTL_H
#define HYPERCALLS_CTL_H

#include "hypercalls/hypercall.h"
#include <xen/domctl.h>
#include <xen/sysctl.h>

/* The scheduler and CPU pool that tools are told of: weights and caps of ours mean what credit2's do; all
 * CPUs are in one pool. */
#define CTL_SCHEDULER XEN_SCHEDULER_CREDIT2
#define CTL_POOL      0

/* A set of CPUs from / to a guest's bitmap (hypercalls/ctl_bitmap.c). Bits beyond what one side has are 0. 0,
 * -EFAULT. */
int ctl_bitmap_read(cpumask_t *mask, const struct xenctl_bitmap *map);
int ctl_bitmap_write(const struct xenctl_bitmap *map, cpumask_t mask);

/* What tools list of a domain (hypercalls/domctl_info.c). */
void domctl_fill_info(struct domain *d, struct xen_domctl_getdomaininfo *info);

/*
 * Parts of the two hypercalls. Each gets the guest's structure as a copy and may change it; *answer says that
 * it is to be written back (also on an error). 0 or -errno; -ERESTART: call again; -ENOSYS: none of this
 * part's operations. domctl parts get the target with a reference and without a lock.
 */
int sysctl_topology_op(struct xen_sysctl *op, bool *answer);
int sysctl_cpupool_op(struct xen_sysctl_cpupool_op *op, bool *answer);
int sysctl_cpu_policy_op(struct xen_sysctl *op, bool *answer);
int domctl_create(struct xen_domctl *op, bool *answer);
int domctl_get_state(struct xen_domctl *op, bool *answer);
int domctl_life_op(struct domain *d, struct xen_domctl *op, bool *answer);
int domctl_vcpu_op(struct domain *d, struct xen_domctl *op, bool *answer);
int domctl_policy_op(struct domain *d, struct xen_domctl *op, bool *answer);
int domctl_hvm_op(struct domain *d, struct xen_domctl *op, bool *answer);
int domctl_shadow_op(struct domain *d, struct xen_domctl *op, bool *answer);
int domctl_access_op(struct domain *d, struct xen_domctl *op, bool *answer);

#endif
