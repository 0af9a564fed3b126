/* SPDX-License-Identifier: MIT */
/* event_channel_op: what guests do with ports. How events get to a vCPU is in hv/domain/event.c and
 * event_fifo.c. */
#include "hypercalls/event_channel.h"
#include "hypercalls/event_fifo.h"
#include "hypercalls/hypercall.h"
#include "hv/io/irq.h"
#include "hv/io/pirq.h"
#include "hv/mm/heap.h"

/* A copy of what a guest passed. */
union evtchn_args {
    struct evtchn_alloc_unbound alloc_unbound;
    struct evtchn_bind_interdomain bind_interdomain;
    struct evtchn_bind_virq bind_virq;
    struct evtchn_bind_pirq bind_pirq;
    struct evtchn_bind_ipi bind_ipi;
    struct evtchn_close close;
    struct evtchn_bind_vcpu bind_vcpu;
    struct evtchn_unmask unmask;
    struct evtchn_reset reset;
    struct evtchn_init_control init_control;
    struct evtchn_expand_array expand_array;
    struct evtchn_set_priority set_priority;
};

/* Allocate and bind in one step, for ports that need nothing else. Port or -errno. */
static int bind_new_port(struct domain *d, enum evtchn_state state, uint32_t vcpu, const struct evtchn *u_of)
{
    int port = evtchn_alloc_port(d);

    if (port >= 0)
        evtchn_bind_port(d, (uint32_t)port, state, (uint16_t)vcpu, u_of);
    return port;
}

static int evtchn_alloc_unbound(union evtchn_args *args)
{
    struct evtchn_alloc_unbound *op = &args->alloc_unbound;
    domid_t remote = op->remote_dom == DOMID_SELF ? current->domain->id : op->remote_dom;
    int rc, port;
    struct domain *d = domain_for_hypercall(op->dom, ACTION_SET_UP, &rc);

    if (!d)
        return rc;
    port = evtchn_alloc_unbound_for(d, remote);
    domain_put(d);
    if (port < 0)
        return port;
    op->port = (uint32_t)port;
    return 0;
}

/* Join a port of ld to rd's port `rport`. Both domains are locked. Port or -errno. */
static int join(struct domain *ld, struct domain *rd, uint32_t rport)
{
    struct evtchn *rchn, *lchn;
    struct evtchn u = { 0 };
    int lport = evtchn_alloc_port(ld);

    if (lport < 0)
        return lport;
    rchn = evtchn_of(&rd->evtchn, rport);
    if (!rchn || rchn->state != ECS_UNBOUND || rchn->u.unbound_domid != ld->id) {
        evtchn_free_port(ld, (uint32_t)lport);
        return -EINVAL;
    }
    u.u.interdomain.remote = rd;
    u.u.interdomain.other = rchn;
    evtchn_bind_port(ld, (uint32_t)lport, ECS_INTERDOMAIN, 0, &u);
    lchn = evtchn_of(&ld->evtchn, (uint32_t)lport);
    evtchn_lock(rchn);
    rchn->u.interdomain.remote = ld;
    rchn->u.interdomain.other = lchn;
    rchn->state = ECS_INTERDOMAIN;
    evtchn_unlock(rchn);

    /* The remote may have sent while nobody was bound: have the new end look once. */
    evtchn_lock(lchn);
    ld->evtchn.ops->set_pending(ld->vcpu[0], lchn);
    evtchn_unlock(lchn);
    return lport;
}

static int evtchn_bind_interdomain(union evtchn_args *args)
{
    struct evtchn_bind_interdomain *op = &args->bind_interdomain;
    struct domain *ld = current->domain;
    struct domain *rd = domain_by_id(op->remote_dom == DOMID_SELF ? ld->id : op->remote_dom);
    int port;

    if (!rd)
        return -ESRCH;
    evtchn_lock_pair(ld, rd);
    port = join(ld, rd, op->remote_port);
    evtchn_unlock_pair(ld, rd);
    domain_put(rd);
    if (port < 0)
        return port;
    op->local_port = (uint32_t)port;
    return 0;
}

static int evtchn_bind_virq(union evtchn_args *args)
{
    struct evtchn_bind_virq *op = &args->bind_virq;
    struct domain *d = current->domain;
    struct vcpu *v = domain_vcpu(d, op->vcpu);
    struct evtchn u = { .u.virq = op->virq };
    int port;

    if (op->virq >= NR_VIRQS || (virq_is_global(op->virq) && op->vcpu != 0))
        return -EINVAL;
    if (!v)
        return -ENOENT;

    spin_lock(&d->evtchn.lock);
    if (v->virq_port[op->virq])
        port = -EEXIST;
    else
        port = bind_new_port(d, ECS_VIRQ, op->vcpu, &u);
    if (port >= 0)
        v->virq_port[op->virq] = (uint32_t)port;
    spin_unlock(&d->evtchn.lock);
    if (port < 0)
        return port;
    op->port = (uint32_t)port;
    return 0;
}

static int evtchn_bind_ipi(union evtchn_args *args)
{
    struct evtchn_bind_ipi *op = &args->bind_ipi;
    struct domain *d = current->domain;
    struct evtchn u = { 0 };
    int port;

    if (!domain_vcpu(d, op->vcpu))
        return -ENOENT;
    spin_lock(&d->evtchn.lock);
    port = bind_new_port(d, ECS_IPI, op->vcpu, &u);
    spin_unlock(&d->evtchn.lock);
    if (port < 0)
        return port;
    op->port = (uint32_t)port;
    return 0;
}

/* Under d->evtchn.lock. Port or -errno. */
static int bind_pirq_locked(struct domain *d, uint32_t pirq, bool share)
{
    struct evtchn u = { .u.pirq = pirq };
    int port, rc;

    if (!d->evtchn.pirq_port)
        d->evtchn.pirq_port = hv_zalloc_array(IRQ_MAX, sizeof(uint32_t));
    if (!d->evtchn.pirq_port)
        return -ENOMEM;
    if (d->evtchn.pirq_port[pirq])
        return -EEXIST;
    port = evtchn_alloc_port(d);
    if (port < 0)
        return port;
    /* The interrupt may come as soon as the line is connected: the port must be ready for it. */
    evtchn_bind_port(d, (uint32_t)port, ECS_PIRQ, 0, &u);
    WRITE_ONCE(d->evtchn.pirq_port[pirq], (uint32_t)port);
    rc = pirq_bind(d, pirq, share);
    if (!rc)
        return port;
    WRITE_ONCE(d->evtchn.pirq_port[pirq], 0);
    evtchn_free_port(d, (uint32_t)port);
    return rc;
}

static int evtchn_bind_pirq(union evtchn_args *args)
{
    struct evtchn_bind_pirq *op = &args->bind_pirq;
    struct domain *d = current->domain;
    int port;

    if (op->pirq >= pirq_count(d))
        return -EINVAL;
    spin_lock(&d->evtchn.lock);
    port = bind_pirq_locked(d, op->pirq, op->flags & BIND_PIRQ__WILL_SHARE);
    spin_unlock(&d->evtchn.lock);
    if (port < 0)
        return port;
    op->port = (uint32_t)port;
    return 0;
}

static void fill_status(const struct evtchn *chn, struct evtchn_status *op)
{
    op->vcpu = chn->notify_vcpu;
    switch (chn->state) {
    case ECS_UNBOUND:
        op->status = EVTCHNSTAT_unbound;
        op->u.unbound.dom = chn->u.unbound_domid;
        break;
    case ECS_INTERDOMAIN:
        op->status = EVTCHNSTAT_interdomain;
        op->u.interdomain.dom = chn->u.interdomain.remote->id;
        op->u.interdomain.port = chn->u.interdomain.other->port;
        break;
    case ECS_PIRQ:
        op->status = EVTCHNSTAT_pirq;
        op->u.pirq = chn->u.pirq;
        break;
    case ECS_VIRQ:
        op->status = EVTCHNSTAT_virq;
        op->u.virq = chn->u.virq;
        break;
    case ECS_IPI:
        op->status = EVTCHNSTAT_ipi;
        break;
    default:
        op->status = EVTCHNSTAT_closed;
    }
}

static int status_of(const struct domain *d, struct evtchn_status *op)
{
    struct evtchn *chn = evtchn_of(&d->evtchn, op->port);

    if (!chn)
        return -EINVAL;
    evtchn_lock(chn);
    fill_status(chn, op);
    evtchn_unlock(chn);
    return 0;
}

static __noinline int status_of_other(struct evtchn_status *op)
{
    int rc;
    struct domain *d = domain_for_hypercall(op->dom, ACTION_SET_UP, &rc);

    if (!d)
        return rc;
    rc = status_of(d, op);
    domain_put(d);
    return rc;
}

static __noinline int64_t evtchn_status(gva_t arg)
{
    struct evtchn_status op;
    int rc;

    if (read_guest(&op, arg))
        return -EFAULT;
    rc = likely(op.dom == DOMID_SELF) ? status_of(current->domain, &op) : status_of_other(&op);
    return rc || !write_guest(arg, &op) ? rc : -EFAULT;
}

/* Under d->evtchn.lock and the channel's. */
static int bind_vcpu_locked(struct domain *d, struct evtchn *chn, struct vcpu *v)
{
    switch (chn->state) {
    case ECS_VIRQ:
        if (!virq_is_global(chn->u.virq))
            return -EINVAL;
        break;
    case ECS_PIRQ:
        pirq_set_affinity(d, chn->u.pirq, v);
        break;
    case ECS_UNBOUND:
    case ECS_INTERDOMAIN:
        break;
    default:
        return -EINVAL;
    }
    WRITE_ONCE(chn->notify_vcpu, v->id);
    return 0;
}

static int evtchn_bind_vcpu(union evtchn_args *args)
{
    const struct evtchn_bind_vcpu *op = &args->bind_vcpu;
    struct domain *d = current->domain;
    struct vcpu *v = domain_vcpu(d, op->vcpu);
    struct evtchn *chn = evtchn_of(&d->evtchn, op->port);
    int rc;

    if (!v)
        return -ENOENT;
    if (!chn)
        return -EINVAL;
    spin_lock(&d->evtchn.lock);
    evtchn_lock(chn);
    rc = bind_vcpu_locked(d, chn, v);
    evtchn_unlock(chn);
    spin_unlock(&d->evtchn.lock);
    return rc;
}

static int evtchn_unmask(union evtchn_args *args)
{
    const struct evtchn_unmask *op = &args->unmask;
    struct domain *d = current->domain;
    struct evtchn *chn = evtchn_of(&d->evtchn, op->port);

    if (!chn)
        return -EINVAL;
    /* A closed port may be beyond what the ABI has tables for, which a reset frees when all are closed. */
    evtchn_lock(chn);
    if (evtchn_usable(chn))
        d->evtchn.ops->unmask(d, chn);
    evtchn_unlock(chn);
    return 0;
}

int evtchn_port_poll(const struct domain *d, uint32_t port)
{
    struct evtchn *chn = evtchn_of(&d->evtchn, port);
    int rc = -EINVAL;

    if (!chn)
        return rc;
    evtchn_lock(chn);
    if (evtchn_usable(chn))
        rc = d->evtchn.ops->is_pending(d, port);
    evtchn_unlock(chn);
    return rc;
}

int evtchn_reset(struct domain *d)
{
    struct evtchn_domain *e = &d->evtchn;
    uint32_t port = max(e->reset_next, 1U);

    for (; port < e->ports && e->active; port++) {
        if (hypercall_preempt_check(2)) {
            e->reset_next = port;
            return -ERESTART;
        }
        (void)evtchn_close_port(d, port);
    }
    e->reset_next = 0;
    spin_lock(&e->lock);
    if (!e->active)
        e->ops->release(d);
    spin_unlock(&e->lock);
    return e->active ? -EAGAIN : 0;
}

static int evtchn_reset_op(union evtchn_args *args)
{
    int rc;
    struct domain *d = domain_for_hypercall(args->reset.dom, ACTION_SET_UP, &rc);

    if (!d)
        return rc;
    /* Another domain's ports may only go while it does not run: its own use of them would race. */
    if (d != current->domain && !d->pause_count)
        rc = -EINVAL;
    else
        rc = evtchn_reset(d);
    domain_put(d);
    return rc;
}

static int evtchn_init_control(union evtchn_args *args)
{
    struct evtchn_init_control *op = &args->init_control;
    struct vcpu *v = domain_vcpu(current->domain, op->vcpu);

    if (!v)
        return -ENOENT;
    op->link_bits = EVTCHN_FIFO_LINK_BITS;
    return evtchn_fifo_init_control(v, gfn(op->control_gfn), op->offset);
}

static int evtchn_set_priority(union evtchn_args *args)
{
    const struct evtchn_set_priority *op = &args->set_priority;
    struct domain *d = current->domain;
    struct evtchn *chn = evtchn_of(&d->evtchn, op->port);
    int rc;

    if (!chn)
        return -EINVAL;
    evtchn_lock(chn);
    rc = evtchn_usable(chn) ? d->evtchn.ops->set_priority(d, chn, op->priority) : -EACCES;
    evtchn_unlock(chn);
    return rc;
}

static int evtchn_close(union evtchn_args *args)
{
    return evtchn_close_port(current->domain, args->close.port);
}

static int evtchn_expand_array(union evtchn_args *args)
{
    return evtchn_fifo_expand_array(current->domain, gfn(args->expand_array.array_gfn));
}

struct evtchn_op_entry {
    int (*fn)(union evtchn_args *args); /* 0 or -errno */
    uint8_t size;
    bool answers; /* writes the structure back */
};

#define OP(nr, function, writes) \
    [EVTCHNOP_##nr] = { .fn = (function), .size = sizeof(struct evtchn_##nr), .answers = (writes) }

static const struct evtchn_op_entry ops[] = {
    OP(bind_interdomain, evtchn_bind_interdomain, true),
    OP(bind_virq, evtchn_bind_virq, true),
    OP(bind_pirq, evtchn_bind_pirq, true),
    OP(close, evtchn_close, false),
    OP(alloc_unbound, evtchn_alloc_unbound, true),
    OP(bind_ipi, evtchn_bind_ipi, true),
    OP(bind_vcpu, evtchn_bind_vcpu, false),
    OP(unmask, evtchn_unmask, false),
    OP(reset, evtchn_reset_op, false),
    OP(init_control, evtchn_init_control, true),
    OP(expand_array, evtchn_expand_array, false),
    OP(set_priority, evtchn_set_priority, false),
};

static __noinline int64_t run_op(uint32_t cmd, gva_t arg)
{
    const struct evtchn_op_entry *op = &ops[index_nospec(cmd, ARRAY_SIZE(ops))];
    union evtchn_args args;
    int rc;

    if (cmd >= ARRAY_SIZE(ops) || !op->fn)
        return -ENOSYS;
    if (copy_from_guest(&args, arg, op->size))
        return -EFAULT;
    /* A port that the guest cannot be told of would be lost: see that the answer can be written before there
     * is one. */
    if (op->answers && copy_to_guest(arg, &args, op->size))
        return -EFAULT;
    rc = op->fn(&args);
    if (rc == -ERESTART)
        return HYPERCALL_RESTART;
    if (!rc && op->answers && copy_to_guest(arg, &args, op->size))
        return -EFAULT;
    return rc;
}

/* arg: EVTCHNOP_* (32 bits), the structure of that name. 0 or -errno; -ENOSYS for an unknown operation. */
int64_t do_event_channel_op(uint64_t arg[6])
{
    uint32_t cmd = (uint32_t)arg[0];
    gva_t p = gva(arg[1]);
    struct evtchn_send send;

    /* Those that are made at speed stand apart. */
    if (likely(cmd == EVTCHNOP_send))
        return unlikely(read_guest(&send, p)) ? -EFAULT : evtchn_send(current->domain, send.port);
    if (cmd == EVTCHNOP_status)
        return evtchn_status(p);
    return run_op(cmd, p);
}

/* The same before Xen 3.0.2: one structure of the command and the union of the first ten operations. */
int64_t do_event_channel_op_compat(uint64_t arg[6])
{
    gva_t op = gva(arg[0]);
    uint32_t cmd;
    uint64_t new_style[6] = { 0 };

    if (read_guest(&cmd, gva_add(op, offsetof(struct evtchn_op, cmd))))
        return -EFAULT;
    if (cmd > EVTCHNOP_unmask)
        return -ENOSYS;
    new_style[0] = cmd;
    new_style[1] = gva_add(op, offsetof(struct evtchn_op, u)).va;
    return do_event_channel_op(new_style);
}
