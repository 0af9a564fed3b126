/* SPDX-License-Identifier: MIT */
/* domctl: creation, running and end of domains. */
#include "hypercalls/ctl.h"
#include "hypercalls/grant_table.h"
#include "hypercalls/vcpu.h"
#include "hv/hvm/context.h"
#include "hv/domain/runstate.h"
#include "hv/lib/string.h"
#include "hv/mm/heap.h"
#include "hv/pv/page_type.h"
#include "hv/pv/pv.h"
#include "hv/sched/sched.h"

/* Grant limits below 0 ask for the default. */
static uint32_t limit_or(int32_t asked, uint32_t otherwise)
{
    return asked < 0 ? otherwise : (uint32_t)asked;
}

/* A hardware guest has nested paging and a local APIC, and no other emulated device. */
static int check_kind(const struct xen_domctl_createdomain *c)
{
    if (!(c->flags & XEN_DOMCTL_CDF_hvm))
        return c->flags & XEN_DOMCTL_CDF_hap || c->arch.emulation_flags ? -EINVAL : 0;
    if (!hvm_ops || !(c->flags & XEN_DOMCTL_CDF_hap))
        return -EINVAL;
    return c->arch.emulation_flags & ~(uint32_t)XEN_X86_EMU_LAPIC ? -EOPNOTSUPP : 0;
}

/* Flags for what there is not are refused. */
static int check_config(const struct xen_domctl_createdomain *c)
{
    uint32_t grant_version = XEN_DOMCTL_GRANT_version(c->grant_opts);
    int rc = check_kind(c);

    if (rc)
        return rc;
    if (c->flags & ~(uint32_t)(XEN_DOMCTL_CDF_xs_domain | XEN_DOMCTL_CDF_hvm | XEN_DOMCTL_CDF_hap))
        return -EINVAL;
    if (c->iommu_opts || c->vmtrace_size || c->cpupool_id != CTL_POOL)
        return -EINVAL;
    if (!c->max_vcpus || c->max_vcpus > MAX_VCPUS)
        return -EINVAL;
    if ((c->grant_opts & ~(uint32_t)XEN_DOMCTL_GRANT_version_mask) || !grant_version || grant_version > 2)
        return -EINVAL;
    if (c->arch.misc_flags & ~XEN_X86_MSR_RELAXED)
        return -EINVAL;
    return 0;
}

/* The id asked for, or a free one when it is 0 or none of a domain. DOMID_INVALID and *rc. */
static domid_t choose_id(domid_t asked, int *rc)
{
    struct domain *d;

    *rc = -ENOMEM;
    if (asked == 0 || asked >= DOMID_FIRST_RESERVED)
        return domid_alloc();
    d = domain_by_id(asked);
    if (!d)
        return asked;
    domain_put(d);
    *rc = -EEXIST;
    return DOMID_INVALID;
}

int domctl_create(struct xen_domctl *op, bool *answer)
{
    const struct xen_domctl_createdomain *c = &op->u.createdomain;
    int rc = check_config(c);
    struct domain *d;
    domid_t id;

    if (rc)
        return rc;
    id = choose_id(op->domain, &rc);
    if (id == DOMID_INVALID)
        return rc;
    d = domain_create(id, c->flags & XEN_DOMCTL_CDF_hvm ? &hvm_guest_ops : &pv_guest_ops, c->max_vcpus, &rc);
    if (!d)
        return rc;
    rc = gnttab_set_limits(d, limit_or(c->max_grant_frames, GNTTAB_DEFAULT_FRAMES),
                           limit_or(c->max_maptrack_frames, GNTTAB_DEFAULT_MAPTRACK_FRAMES));
    if (rc) {
        (void)domain_kill(d); /* it has no memory yet: done in one go */
        return rc;
    }
    d->tool_pauses = 1; /* domain_create() left it paused */
    d->evtchn.max_ports = min(c->max_evtchn_port, EVTCHN_FIFO_NR_CHANNELS - 1U) + 1;
    d->ssidref = c->ssidref;
    memcpy(d->handle, c->handle, sizeof(d->handle));
    op->domain = id;
    *answer = true;
    return 0;
}

/* All of them at once, before the domain first runs. */
static int max_vcpus(struct domain *d, uint32_t max)
{
    int rc = 0;

    if (max != d->max_vcpus)
        return -EINVAL;
    for (uint32_t i = 0; i < max && !rc; i++) {
        unsigned int cpu = (d->id + i) % cpumask_weight(cpu_online_map);

        if (!d->vcpu[i] && (d->creation_finished || !vcpu_create(d, (uint16_t)i, cpu)))
            rc = d->creation_finished ? -EINVAL : -ENOMEM;
    }
    return rc;
}

static int unpause(struct domain *d)
{
    if (!d->tool_pauses)
        return -EINVAL;
    d->tool_pauses--;
    d->creation_finished = true;
    domain_unpause(d);
    return 0;
}

static int pause(struct domain *d)
{
    if (d == current->domain)
        return -EINVAL;
    if (d->tool_pauses == UINT8_MAX)
        return -EOVERFLOW;
    d->tool_pauses++;
    domain_pause(d);
    return 0;
}

static int resume(struct domain *d)
{
    if (d == current->domain)
        return -EINVAL;
    domain_resume(d);
    return 0;
}

static int context_of(struct domain *d, const struct xen_domctl_vcpucontext *op, bool set, struct vcpu *v,
                      struct vcpu_guest_context *c)
{
    gva_t buf = gva_of_handle(op->ctxt);
    int rc = 0;

    if (set && read_guest(c, buf))
        return -EFAULT;
    domain_pause(d);
    if (set) {
        spin_lock(&d->lock);
        rc = vcpu_set_context(v, c);
        spin_unlock(&d->lock);
    } else {
        is_hvm_domain(d) ? hvm_get_guest_context(v, c) : pv_vcpu_get_context(v, c);
    }
    domain_unpause(d);
    if (!set)
        rc = write_guest(buf, c);
    return rc;
}

static int vcpucontext(struct domain *d, const struct xen_domctl_vcpucontext *op, bool set)
{
    struct vcpu *v = domain_vcpu(d, op->vcpu);
    struct vcpu_guest_context *c;
    int rc;

    if (d == current->domain || op->vcpu >= d->max_vcpus)
        return -EINVAL;
    if (is_hvm_domain(d) && (set || !v))
        return -EINVAL; /* that is what sethvmcontext is for */
    /* Its teardown has perhaps dropped the page tables already, and does so once. It begins in a domctl, so
     * not while we are in one. */
    if (set && d->dying)
        return -EINVAL;
    if (!v)
        return set ? -EINVAL : -ESRCH;
    if (!set && !v->initialised)
        return -ENODATA;
    if (set && !op->ctxt.p) {
        domain_pause(d);
        vcpu_reset(v);
        domain_unpause(d);
        return 0;
    }
    c = hv_zalloc(sizeof(*c));
    if (!c)
        return -ENOMEM;
    rc = context_of(d, op, set, v, c);
    hv_free(c);
    return rc;
}

static int hypercall_init(struct domain *d, uint64_t frame)
{
    struct frame *f;
    int rc = -EINVAL;

    if (is_hvm_domain(d) || !frame_get_from_mfn(mfn(frame), d))
        return -EINVAL;
    f = mfn_to_frame(mfn(frame));
    if (page_get_writable(f)) {
        pv_fill_hypercall_page(frame_to_virt(f));
        page_put_writable(f);
        rc = 0;
    }
    frame_put(f);
    return rc;
}

static int sendtrigger(struct domain *d, const struct xen_domctl_sendtrigger *op)
{
    struct vcpu *v = domain_vcpu(d, op->vcpu);

    if (op->vcpu >= MAX_VCPUS)
        return -EINVAL;
    if (!v)
        return -ESRCH;
    if (op->trigger != XEN_DOMCTL_SENDTRIGGER_NMI)
        return -ENOSYS;
    vcpu_send_nmi(v);
    return 0;
}

int domctl_life_op(struct domain *d, struct xen_domctl *op, bool *answer)
{
    switch (op->cmd) {
    case XEN_DOMCTL_destroydomain:
        return domain_kill(d);
    case XEN_DOMCTL_pausedomain:
        return pause(d);
    case XEN_DOMCTL_unpausedomain:
        return unpause(d);
    case XEN_DOMCTL_resumedomain:
        return resume(d);
    case XEN_DOMCTL_max_vcpus:
        return max_vcpus(d, op->u.max_vcpus.max);
    case XEN_DOMCTL_max_mem:
        d->max_pages = min(op->u.max_mem.max_memkb >> (PAGE_SHIFT - 10), (uint64_t)UINT32_MAX);
        return 0;
    case XEN_DOMCTL_setvcpucontext:
    case XEN_DOMCTL_getvcpucontext:
        *answer = op->cmd == XEN_DOMCTL_getvcpucontext;
        return vcpucontext(d, &op->u.vcpucontext, op->cmd == XEN_DOMCTL_setvcpucontext);
    case XEN_DOMCTL_hypercall_init:
        return hypercall_init(d, op->u.hypercall_init.gmfn);
    case XEN_DOMCTL_sendtrigger:
        return sendtrigger(d, &op->u.sendtrigger);
    case XEN_DOMCTL_setdomainhandle:
        memcpy(d->handle, op->u.setdomainhandle.handle, sizeof(d->handle));
        return 0;
    case XEN_DOMCTL_set_address_size:
        return op->u.address_size.size == 64 ? 0 : -EINVAL;
    case XEN_DOMCTL_get_address_size:
        op->u.address_size.size = 64;
        *answer = true;
        return 0;
    default:
        return -ENOSYS;
    }
}
