/* SPDX-License-Identifier: MIT */
/* domctl: what tools read of a domain. */
#include "hypercalls/ctl.h"
#include "hv/lib/string.h"
#include "hv/sched/sched.h"

static uint64_t add_vcpu(struct vcpu *v, struct xen_domctl_getdomaininfo *info, bool *all_blocked)
{
    struct vcpu_runstate_info state;
    uint64_t flags = READ_ONCE(v->pause_flags);

    vcpu_runstate_get(v, &state);
    info->cpu_time += state.time[RUNSTATE_running];
    info->max_vcpu_id = v->id;
    if (flags & VPF_DOWN)
        return 0;
    info->nr_online_vcpus++;
    if (!(flags & VPF_BLOCKED))
        *all_blocked = false;
    return READ_ONCE(v->sched.running) ? XEN_DOMINF_running : 0;
}

void domctl_fill_info(struct domain *d, struct xen_domctl_getdomaininfo *info)
{
    bool all_blocked = true;
    struct vcpu *v;

    *info = (struct xen_domctl_getdomaininfo){
        .domain = d->id,
        .tot_pages = READ_ONCE(d->tot_pages),
        .max_pages = d->max_pages,
        .shared_info_frame = virt_to_mfn(d->shared_info).m,
        .max_vcpu_id = XEN_INVALID_MAX_VCPU_ID,
        .ssidref = d->ssidref,
        .cpupool = CTL_POOL,
    };
    for_each_vcpu (d, v)
        info->flags |= (uint32_t)add_vcpu(v, info, &all_blocked);
    if (info->nr_online_vcpus && all_blocked)
        info->flags |= XEN_DOMINF_blocked;
    if (d->dying == 2)
        info->flags |= XEN_DOMINF_dying;
    if (d->shut_down)
        info->flags |= XEN_DOMINF_shutdown | (d->shutdown_code & XEN_DOMINF_shutdownmask)
                                                 << XEN_DOMINF_shutdownshift;
    if (d->tool_pauses)
        info->flags |= XEN_DOMINF_paused;
    if (is_hvm_domain(d))
        info->flags |= XEN_DOMINF_hvm_guest | XEN_DOMINF_hap;
    memcpy(info->handle, d->handle, sizeof(info->handle));
}

static struct vcpu *vcpu_of(const struct domain *d, uint32_t id, int *rc)
{
    struct vcpu *v = domain_vcpu(d, id);

    *rc = v ? 0 : id < d->max_vcpus ? -ESRCH : -EINVAL;
    return v;
}

static int getvcpuinfo(struct domain *d, struct xen_domctl_getvcpuinfo *op)
{
    struct vcpu_runstate_info state;
    int rc;
    struct vcpu *v = vcpu_of(d, op->vcpu, &rc);

    if (!v)
        return rc;
    vcpu_runstate_get(v, &state);
    op->online = !(v->pause_flags & VPF_DOWN);
    op->blocked = !!(v->pause_flags & VPF_BLOCKED);
    op->running = v->sched.running;
    op->cpu_time = state.time[RUNSTATE_running];
    op->cpu = v->sched.cpu;
    return 0;
}

static int set_hard_affinity(struct vcpu *v, struct xen_domctl_vcpuaffinity *op)
{
    cpumask_t want;
    int rc;

    if (ctl_bitmap_read(&want, &op->cpumap_hard))
        return -EFAULT;
    if (v->pin_saved.bits && !(op->flags & XEN_VCPUAFFINITY_FORCE))
        return -EBUSY;
    rc = sched_set_affinity(v, want);
    if (rc)
        return rc;
    v->pin_saved.bits = 0;
    return ctl_bitmap_write(&op->cpumap_hard, (cpumask_t){ want.bits & cpu_online_map.bits });
}

static int set_soft_affinity(struct vcpu *v, struct xen_domctl_vcpuaffinity *op)
{
    cpumask_t want, hard = v->sched.affinity_hard;

    if (ctl_bitmap_read(&want, &op->cpumap_soft))
        return -EFAULT;
    v->sched.affinity_soft = want;
    return ctl_bitmap_write(&op->cpumap_soft, (cpumask_t){ want.bits & hard.bits & cpu_online_map.bits });
}

static int vcpuaffinity(struct domain *d, struct xen_domctl_vcpuaffinity *op, bool set)
{
    int rc;
    struct vcpu *v = vcpu_of(d, op->vcpu, &rc);
    bool hard = op->flags & XEN_VCPUAFFINITY_HARD, soft = op->flags & XEN_VCPUAFFINITY_SOFT;

    if (!hard && !soft)
        return -EINVAL;
    if (!v)
        return rc;
    if (hard)
        rc = set ? set_hard_affinity(v, op) : ctl_bitmap_write(&op->cpumap_hard, v->sched.affinity_hard);
    if (!rc && soft)
        rc = set ? set_soft_affinity(v, op) : ctl_bitmap_write(&op->cpumap_soft, v->sched.affinity_soft);
    return rc;
}

static int scheduler_op(struct domain *d, struct xen_domctl_scheduler_op *op)
{
    struct xen_domctl_sched_credit2 *p = &op->u.credit2;

    if (op->sched_id != CTL_SCHEDULER)
        return -EINVAL;
    switch (op->cmd) {
    case XEN_DOMCTL_SCHEDOP_putinfo:
        if (!p->weight)
            return -EINVAL;
        return sched_set_params(d, p->weight, p->cap);
    case XEN_DOMCTL_SCHEDOP_getinfo:
        sched_get_params(d, &p->weight, &p->cap);
        return 0;
    default:
        return -EINVAL;
    }
}

/* All memory is one node. */
static int getnodeaffinity(const struct xen_domctl_nodeaffinity *op)
{
    return ctl_bitmap_write(&op->nodemap, (cpumask_t){ 1 });
}

static int setnodeaffinity(const struct xen_domctl_nodeaffinity *op)
{
    cpumask_t nodes;

    if (ctl_bitmap_read(&nodes, &op->nodemap))
        return -EFAULT;
    return nodes.bits & 1 ? 0 : -EINVAL;
}

int domctl_vcpu_op(struct domain *d, struct xen_domctl *op, bool *answer)
{
    *answer = true;
    switch (op->cmd) {
    case XEN_DOMCTL_getdomaininfo:
        domctl_fill_info(d, &op->u.getdomaininfo);
        return 0;
    case XEN_DOMCTL_getvcpuinfo:
        return getvcpuinfo(d, &op->u.getvcpuinfo);
    case XEN_DOMCTL_getvcpuaffinity:
    case XEN_DOMCTL_setvcpuaffinity:
        return vcpuaffinity(d, &op->u.vcpuaffinity, op->cmd == XEN_DOMCTL_setvcpuaffinity);
    case XEN_DOMCTL_scheduler_op:
        return scheduler_op(d, &op->u.scheduler_op);
    case XEN_DOMCTL_getnodeaffinity:
        return getnodeaffinity(&op->u.nodeaffinity);
    case XEN_DOMCTL_setnodeaffinity:
        return setnodeaffinity(&op->u.nodeaffinity);
    default:
        *answer = false;
        return -ENOSYS;
    }
}
