/* SPDX-License-Identifier: MIT */
/* A small hardware guest that the initial domain makes, one at a time: memory, registers, and its end. */
#ifndef GUESTS_HVM_DOMAIN_H
#define GUESTS_HVM_DOMAIN_H

#include <stdbool.h>
#include <stdint.h>
#include <xen/xen.h>
#include <xen/domctl.h>
#include <xen/hvm/save.h>

/* False when there are no hardware guests here. */
bool hvm_domain_create(unsigned int vcpus, uint64_t memory_kib);
/* One domctl on it; the operation's arguments are in *op. Results: Xen's. */
long hvm_domain_ctl(struct xen_domctl *op, uint32_t cmd);
domid_t hvm_domain_id(void);
/* `nr` extents of 2^order frames each from frame `first` on. */
void hvm_domain_populate(xen_pfn_t first, unsigned int nr, unsigned int order);
/* A frame of it, writable, at one of four places. */
volatile void *hvm_domain_map(unsigned int place, xen_pfn_t gfn);
void hvm_domain_unmap(unsigned int place);
/* Registers of its vCPUs from 0 on, which then run; at most two. The result of sethvmcontext. */
long hvm_domain_start(const struct hvm_hw_cpu *cpus, unsigned int nr);
bool hvm_domain_has_ended(unsigned int *reason);
/* Destroys it, and waits until it is gone. */
void hvm_domain_destroy(void);
/* The second half of it: takes all mappings away and waits. */
void hvm_domain_wait(void);

/* Pages that belong to nobody, those included that are still to be scrubbed. */
uint64_t machine_free_memory(void);

#endif
