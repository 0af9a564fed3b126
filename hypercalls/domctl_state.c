/* SPDX-License-Identifier: MIT */
/* domctl get_domain_state: which domains have changed, for who was told that some have. */
#include "hypercalls/ctl.h"
#include "hv/domain/domain_changes.h"
#include "hv/lib/domain_state_abi.h"

_Static_assert(sizeof(struct xen_domctl_get_domain_state) <= sizeof(((struct xen_domctl *)0)->u.pad),
               "it fits into the operation");

static void fill(const struct domain *d, struct xen_domctl_get_domain_state *info)
{
    *info = (struct xen_domctl_get_domain_state){ .state = XEN_DOMCTL_GETDOMSTATE_STATE_EXIST,
                                                  .unique_id = d->unique_id };
    if (d->shut_down)
        info->state |= XEN_DOMCTL_GETDOMSTATE_STATE_SHUTDOWN;
    if (d->dying == 1)
        info->state |= XEN_DOMCTL_GETDOMSTATE_STATE_DYING;
    if (d->dying == 2)
        info->state |= XEN_DOMCTL_GETDOMSTATE_STATE_DEAD;
}

int domctl_get_state(struct xen_domctl *op, bool *answer)
{
    struct xen_domctl_get_domain_state *info = (void *)&op->u;
    bool named = op->domain != DOMID_INVALID;
    struct domain *d;
    int rc = 0;

    if (info->pad1)
        return -EINVAL;
    if (!named && !domain_take_changed(&op->domain))
        return -ENOENT;
    d = domain_by_id(op->domain == DOMID_SELF ? current->domain->id : op->domain);
    if (!d && named)
        return -ESRCH;
    *info = (struct xen_domctl_get_domain_state){ 0 };
    if (d) {
        rc = may(current->domain, ACTION_CONTROL, d);
        fill(d, info);
        domain_put(d);
    }
    *answer = !rc;
    return rc;
}
