/* SPDX-License-Identifier: MIT */
/* domctl: what a control domain does to one domain. */
#include "hypercalls/ctl.h"
#include "hv/lib/domain_state_abi.h"

/* One domctl at a time. Whoever finds it taken repeats its call: it must not wait here for a CPU that waits
 * for its vCPU to stop. */
static struct spinlock domctl_lock = SPINLOCK_INIT(LOCK_DOMCTL);

typedef int domctl_part(struct domain *d, struct xen_domctl *op, bool *answer);

static domctl_part *const parts[] = { domctl_vcpu_op,   domctl_life_op, domctl_access_op,
                                      domctl_policy_op, domctl_hvm_op,  domctl_shadow_op };

static int run_on(struct domain *d, struct xen_domctl *op, bool *answer)
{
    int rc = may(current->domain, ACTION_CONTROL, d);

    for (unsigned int i = 0; !rc && i < ARRAY_SIZE(parts); i++) {
        *answer = false;
        rc = parts[i](d, op, answer);
        if (rc != -ENOSYS)
            return rc;
        rc = 0;
    }
    return rc ? rc : -ENOSYS;
}

static int run(struct xen_domctl *op, bool *answer)
{
    struct domain *d;
    int rc;

    if (op->cmd == XEN_DOMCTL_createdomain)
        return domctl_create(op, answer);
    if (op->cmd == XEN_DOMCTL_get_domain_state)
        return domctl_get_state(op, answer);
    d = domain_by_id(op->domain == DOMID_SELF ? current->domain->id : op->domain);
    if (!d)
        return -ESRCH;
    rc = run_on(d, op, answer);
    domain_put(d);
    return rc;
}

/* arg: struct xen_domctl. 0 or -errno: -EFAULT, -EACCES (interface version), -ESRCH, -EPERM, -ENOSYS, or the
 * operation's. */
int64_t do_domctl(uint64_t arg[6])
{
    struct xen_domctl op;
    bool answer = false;
    int rc;

    if (read_guest(&op, gva(arg[0])))
        return -EFAULT;
    if (op.interface_version != XEN_DOMCTL_INTERFACE_VERSION)
        return -EACCES;
    if (!spin_trylock(&domctl_lock))
        return HYPERCALL_RESTART;
    rc = run(&op, &answer);
    spin_unlock(&domctl_lock);
    if (rc == -ERESTART)
        return HYPERCALL_RESTART;
    /* Refused policies name the leaf, and short buffers the size. */
    if (answer && (!rc || op.cmd == XEN_DOMCTL_set_cpu_policy || rc == -ENOBUFS) &&
        write_guest(gva(arg[0]), &op))
        return -EFAULT;
    return rc;
}
