/* SPDX-License-Identifier: MIT */
/* What the hypercalls keep per domain, for hv/domain/domain.c. */
#include "hypercalls/grant_table.h"
#include "hypercalls/hypercall.h"
#include "hv/cpu/crash.h"

static int hooks_init(struct domain *d)
{
    return gnttab_init(d, GRANT_FRAMES_DEFAULT, MAPTRACK_FRAMES_DEFAULT);
}

static int hooks_relinquish(struct domain *d)
{
    return gnttab_release_mappings(d);
}

static void hooks_free(struct domain *d)
{
    gnttab_free(d);
}

static void hooks_hardware_shutdown(uint32_t reason)
{
    hardware_domain_shutdown(reason);
}

const struct domain_hooks hypercall_domain_hooks = {
    .init = hooks_init,
    .relinquish = hooks_relinquish,
    .free = hooks_free,
    .hardware_shutdown = hooks_hardware_shutdown,
};
