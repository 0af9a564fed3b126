/* SPDX-License-Identifier: MIT */
#include "dom0_tools/xl/domain_exits.h"
#include "dom0_tools/xc/vcpu.h"

#include <stdlib.h>

static void add_vcpus(struct domain_exits *exits, const struct xen_domctl_getdomaininfo *info)
{
    for (uint32_t vcpu = 0; info->max_vcpu_id != XEN_INVALID_MAX_VCPU_ID && vcpu <= info->max_vcpu_id;
         vcpu++) {
        uint64_t counts[HVM_EXITS];

        if (xc_vcpu_exits(info->domain, vcpu, counts) != 0)
            continue; /* numbers without a vCPU are possible */
        exits->counted = true;
        for (unsigned int i = 0; i < HVM_EXITS; i++)
            exits->counts[i] += counts[i];
    }
}

struct domain_exits *domain_exits_get(const struct domain_list *domains)
{
    struct domain_exits *exits = calloc(domains->nr + 1, sizeof(*exits));

    for (size_t i = 0; exits != NULL && i < domains->nr; i++)
        if ((domains->info[i].flags & XEN_DOMINF_hvm_guest) != 0)
            add_vcpus(&exits[i], &domains->info[i]);
    return exits;
}
