/* SPDX-License-Identifier: MIT */
/* How often hardware guests were left for the hypervisor, and why. */
#ifndef DOM0_XL_DOMAIN_EXITS_H
#define DOM0_XL_DOMAIN_EXITS_H

#include "dom0_tools/xl/domain_list.h"
#include "hv/lib/vcpu_exits_abi.h"

struct domain_exits {
    bool counted; /* false: a PV domain, one that is gone, or a hypervisor that does not count */
    uint64_t counts[HVM_EXITS]; /* of all its vCPUs */
};

/* One for each domain of the list, in its order; NULL: no memory. To be freed. */
struct domain_exits *domain_exits_get(const struct domain_list *domains);

#endif
