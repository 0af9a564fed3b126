/* SPDX-License-Identifier: MIT */
/* Virtual CPUs of a domain. Returns as domain.h says; -XEN_ESRCH also when there is no such vCPU. */
#ifndef DOM0_XC_VCPU_H
#define DOM0_XC_VCPU_H

#include "hv/lib/vcpu_exits_abi.h"

#include <stdint.h>
#include <xen/xen.h>
#include <xen/domctl.h>

int xc_vcpu_info(domid_t domid, uint32_t vcpu, struct xen_domctl_getvcpuinfo *info);

/* Bit n of the maps: the vCPU may (hard), should (soft) run on CPU n. */
int xc_vcpu_affinity(domid_t domid, uint32_t vcpu, uint8_t *hard, uint8_t *soft, uint32_t nr_cpus);
/* Sets them; a map that is NULL stays as it is. */
int xc_vcpu_set_affinity(domid_t domid, uint32_t vcpu, uint8_t *hard, uint8_t *soft, uint32_t nr_cpus);

/* How often the vCPU of a hardware guest was left; -XEN_EOPNOTSUPP: it is a PV domain's; -XEN_ENOSYS or the
 * like on Xen, which does not count this. */
int xc_vcpu_exits(domid_t domid, uint32_t vcpu, uint64_t counts[HVM_EXITS]);

/* XEN_DOMCTL_SENDTRIGGER_*: an NMI, a reset, ...; -XEN_ENOSYS for what the hypervisor or this kind of domain
 * does not have. */
int xc_vcpu_trigger(domid_t domid, uint32_t vcpu, uint32_t trigger);

/* Registers and tables of a PV vCPU. Setting them brings it up; reading pauses the domain for the moment. */
int xc_vcpu_set_context(domid_t domid, uint32_t vcpu, struct vcpu_guest_context *context);
int xc_vcpu_get_context(domid_t domid, uint32_t vcpu, struct vcpu_guest_context *context);

#endif
