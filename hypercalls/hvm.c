/* SPDX-License-Identifier: MIT */
/* hvm_op: parameters of a hardware guest, and how it wants to be told of events. */
#include "hypercalls/hypercall.h"
#include "hv/hvm/hvm.h"
#include "hv/hvm/p2m.h"
#include "hv/lib/nospec.h"
#include "hv/sched/sched.h"
#include <xen/hvm/hvm_op.h>

#define VECTOR_MIN         0x10
#define CALLBACK_TYPE(via) ((via) >> 56)

/* A vector that bypasses the local APIC, or a line of an interrupt controller, which there is none of. */
static int set_callback(struct domain *d, uint64_t via)
{
    bool by_vector = CALLBACK_TYPE(via) == HVM_PARAM_CALLBACK_TYPE_VECTOR;
    struct vcpu *v;

    if (by_vector && (uint8_t)via < VECTOR_MIN)
        return -EINVAL;
    d->hvm->callback_vector = by_vector ? (uint8_t)via : 0;
    if (current->domain == d)
        hvm_latch_width(current);
    for_each_vcpu (d, v)
        vcpu_kick(v);
    return 0;
}

/* What a guest may change itself; its toolstack may change everything. */
static int set_param(struct domain *d, const struct xen_hvm_param *p)
{
    int rc = 0;

    if (p->index >= HVM_NR_PARAMS)
        return -EINVAL;
    if (d == current->domain && !d->privileged && p->index != HVM_PARAM_CALLBACK_IRQ)
        return -EPERM;
    if (p->index == HVM_PARAM_CALLBACK_IRQ)
        rc = set_callback(d, p->value);
    if (!rc)
        d->hvm->params[index_nospec(p->index, HVM_NR_PARAMS)] = p->value;
    return rc;
}

static int64_t param_op(gva_t arg, bool set)
{
    struct xen_hvm_param p;
    struct domain *d;
    int rc;

    if (read_guest(&p, arg))
        return -EFAULT;
    d = domain_for_hypercall(p.domid, ACTION_MAP_FOREIGN, &rc);
    if (!d)
        return rc;
    if (!is_hvm_domain(d)) {
        rc = -EINVAL;
    } else if (set) {
        rc = set_param(d, &p);
    } else if (p.index >= HVM_NR_PARAMS) {
        rc = -EINVAL;
    } else {
        p.value = d->hvm->params[index_nospec(p.index, HVM_NR_PARAMS)];
        rc = write_guest(arg, &p);
    }
    domain_put(d);
    return rc;
}

/* From now on events are edge interrupts of the vCPU's local APIC. */
static int64_t set_upcall_vector(gva_t arg)
{
    struct xen_hvm_evtchn_upcall_vector op;
    struct domain *d = current->domain;
    struct vcpu *v;

    if (!is_hvm_domain(d))
        return -EINVAL;
    if (read_guest(&op, arg))
        return -EFAULT;
    if (op.vector < VECTOR_MIN)
        return -EINVAL;
    v = domain_vcpu(d, op.vcpu);
    if (!v)
        return -ENOENT;
    WRITE_ONCE(v->hvm->upcall_vector, op.vector);
    if (READ_ONCE(v->info->evtchn_upcall_pending)) {
        WRITE_ONCE(v->upcall_raised, true);
        vcpu_kick(v);
    }
    return 0;
}

/* HVMOP_flush_tlbs: the translations of all vCPUs. It takes no structure, and says so by a null pointer. */
static int64_t flush_tlbs(gva_t arg)
{
    if (arg.va || !is_hvm_domain(current->domain))
        return -EINVAL;
    p2m_flush(current->domain);
    return 0;
}

/* arg: HVMOP_*, the structure of that name. 0 or -errno; -ENOSYS for what hardware guests of this kind have
 * no use for. */
int64_t do_hvm_op(uint64_t arg[6])
{
    gva_t p = gva(arg[1]);

    switch ((uint32_t)arg[0]) {
    case HVMOP_set_param:
        return param_op(p, true);
    case HVMOP_get_param:
        return param_op(p, false);
    case HVMOP_set_evtchn_upcall_vector:
        return set_upcall_vector(p);
    case HVMOP_flush_tlbs:
        return flush_tlbs(p);
    default:
        return -ENOSYS;
    }
}
