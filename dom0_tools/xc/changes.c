/* SPDX-License-Identifier: MIT */
#include "dom0_tools/xc/changes.h"
#include "dom0_tools/xc/call.h"
#include "hv/lib/domain_state_abi.h"
#include "pvguest/sync.h"

#include <xen/errno.h>

#define LOG_SIZE 256U

struct ended {
    domid_t domid;
    enum domain_change change;
};

static struct mutex lock = MUTEX_INITIALIZER(lock);
static struct ended ended[LOG_SIZE]; /* number n is at n % LOG_SIZE */
static uint64_t number;              /* of the next */
static bool untold;                  /* the hypervisor does not tell */

/* Moves what the hypervisor has to tell to the log. */
static void collect(void)
{
    struct xen_domctl op;
    int rc = 0;

    while (!untold && rc == 0) {
        const struct xen_domctl_get_domain_state *info = (const void *)&op.u;

        op = (struct xen_domctl){ 0 };
        rc = xc_domctl(&op, XEN_DOMCTL_get_domain_state, DOMID_INVALID);
        untold = rc != 0 && rc != -XEN_ENOENT;
        if (rc != 0)
            break;
        if ((info->state & XEN_DOMCTL_GETDOMSTATE_STATE_EXIST) == 0 ||
            (info->state & XEN_DOMCTL_GETDOMSTATE_STATE_DEAD) != 0)
            ended[number++ % LOG_SIZE] = (struct ended){ op.domain, DOMAIN_GONE };
        else if ((info->state & XEN_DOMCTL_GETDOMSTATE_STATE_SHUTDOWN) != 0)
            ended[number++ % LOG_SIZE] = (struct ended){ op.domain, DOMAIN_SHUT_DOWN };
    }
}

bool xc_changes(uint64_t *seen, void (*fn)(domid_t domid, enum domain_change change, void *arg), void *arg)
{
    bool more, told;

    do {
        struct ended next;

        mutex_lock(&lock);
        collect();
        told = !untold && number - *seen <= LOG_SIZE;
        if (!told)
            *seen = number;
        more = *seen != number;
        if (more)
            next = ended[(*seen)++ % LOG_SIZE];
        mutex_unlock(&lock);
        if (more)
            fn(next.domid, next.change, arg);
    } while (more);
    return told;
}
