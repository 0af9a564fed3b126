/* SPDX-License-Identifier: MIT */
/*
 * The control hypercalls sysctl and domctl as functions (<xen/sysctl.h>, <xen/domctl.h>, Xen 4.17's interface
 * versions). Each returns 0 (or a count) or a negated Xen errno. Buffers are passed as they are: this
 * kernel's memory is always present.
 */
#ifndef DOM0_XL_CONTROL_H
#define DOM0_XL_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <xen/xen.h>
#include <xen/domctl.h>
#include <xen/sysctl.h>
#include <xen/version.h>

int control_physinfo(struct xen_sysctl_physinfo *info);

/* XEN_SCHEDULER_* */
int control_scheduler(uint32_t *id);

/* Up to max domains with domid >= first, by rising domid; returns how many. */
int control_domains(domid_t first, struct xen_domctl_getdomaininfo *info, uint32_t max);

/* Stop and continue a domain's vCPUs; pauses nest. -XEN_ESRCH: no such domain. */
int control_pause(domid_t domid);
int control_unpause(domid_t domid);
/* End a domain and give back all that it has. */
int control_destroy(domid_t domid);

/* What tells the domain from all others, as long as it exists. */
int control_set_uuid(domid_t domid, const xen_domain_handle_t uuid);

/* -XEN_ESRCH: no such domain or vCPU. */
int control_vcpu(domid_t domid, uint32_t vcpu, struct xen_domctl_getvcpuinfo *info);

/* Bit n of the maps: the vCPU may (hard), should (soft) run on CPU n. */
int control_vcpu_affinity(domid_t domid, uint32_t vcpu, uint8_t *hard, uint8_t *soft, uint32_t nr_cpus);

/* With topo NULL sets *nr to the number of CPUs, else fills at most *nr entries and sets *nr to how many. */
int control_cpu_topology(struct xen_sysctl_cputopo *topo, uint32_t *nr);

/* The same for memory nodes; distances are a square of *nr * *nr numbers. */
int control_numa(struct xen_sysctl_meminfo *info, uint32_t *distances, uint32_t *nr);

/* CPUs that belong to no pool. */
int control_free_cpus(uint8_t *map, uint32_t nr_cpus);

/* Reads the hypervisor's log from *index on (0: from the oldest byte kept) and moves *index behind what was
 * read. Returns the number of bytes, 0 at the end. */
int control_read_log(char *buf, uint32_t size, uint32_t *index, bool clear);

/* As if the keys were typed at the hypervisor's own console. */
int control_debug_keys(const char *keys, size_t nr);

#endif
