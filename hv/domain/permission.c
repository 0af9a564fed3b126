/* SPDX-License-Identifier: MIT */
/* Who may do what. Every privilege question of the hypercalls ends here. */
#include "hv/domain/domain.h"
#include "hv/cpu/current.h"
#include "hv/lib/errno.h"

int may(const struct domain *d, enum action a, const struct domain *target)
{
    switch (a) {
    case ACTION_MAP_FOREIGN:
    case ACTION_SET_UP:
        return d == target || d->privileged ? 0 : -EPERM;
    case ACTION_CONTROL:
    case ACTION_SYSTEM:
        return d->privileged ? 0 : -EPERM;
    case ACTION_HARDWARE:
    case ACTION_CONSOLE:
        return d->hardware ? 0 : -EPERM;
    }
    return -EPERM;
}

struct domain *domain_for_hypercall(domid_t id, enum action a, int *rc)
{
    struct domain *d, *self = current->domain;

    if (id == DOMID_SELF)
        id = self->id;
    d = domain_by_id(id);
    if (!d) {
        *rc = -ESRCH;
        return NULL;
    }
    *rc = may(self, a, d);
    if (*rc) {
        domain_put(d);
        return NULL;
    }
    return d;
}
