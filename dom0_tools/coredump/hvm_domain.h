/* SPDX-License-Identifier: MIT */
/* What a dump has to know of a hardware guest: its registers as a PV guest's are told, and where its memory
 * is. */
#ifndef DOM0_COREDUMP_HVM_DOMAIN_H
#define DOM0_COREDUMP_HVM_DOMAIN_H

#include <stdbool.h>
#include <stdint.h>
#include <xen/xen.h>
#include <xen/domctl.h>
#include <xen/hvm/save.h>

#include "dom0_tools/coredump/page_list.h"

/* How the vCPU's addresses are translated (SDM vol. 3, 4.1.1). */
enum paging hvm_paging(const struct hvm_hw_cpu *cpu);

void hvm_context(struct vcpu_guest_context *context, const struct hvm_hw_cpu *cpu);

/* Makes the list of the domain's memory: what is there of the places where such a domain may have some. The
 * domain is paused. False: no memory. page_list_free() in either case. */
bool hvm_page_list(struct page_list *list, const struct xen_domctl_getdomaininfo *info);

#endif
