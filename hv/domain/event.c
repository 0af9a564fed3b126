/* SPDX-License-Identifier: MIT */
/*
 * Event channels below the hypercalls: ports, raising, waking, and the 2-level ABI of pending bits.
 *
 * A raise is: set the pending bit; if the port is not masked, set the selector bit of the vCPU that it
 * notifies; if that was clear, set the vCPU's upcall flag; if that was clear, make the vCPU run and look.
 * Each step is a locked operation, and who sees an old 1 leaves the rest to whom wrote it. A vCPU that goes
 * to sleep sets VPF_BLOCKED with a locked operation and only then looks at its flags: so either it sees the
 * event, or the raiser sees it blocked.
 */
#include "hv/domain/domain.h"
#include "hv/cpu/current.h"
#include "hv/io/console_domain.h"
#include "hv/io/pirq.h"
#include "hv/lib/errno.h"
#include "hv/mm/heap.h"
#include "hv/sched/sched.h"

#define GROUP_BYTES (EVTCHNS_PER_GROUP * sizeof(struct evtchn))

/* Waking */

/* v no longer polls. */
static void poll_end(struct vcpu *v)
{
    v->poll_port = 0;
    atomic_and(&v->domain->evtchn.poll_mask, ~BIT(v->id));
}

void vcpu_unblock(struct vcpu *v)
{
    if (unlikely(v->poll_port))
        poll_end(v);
    vcpu_clear_pause_flags(v, VPF_BLOCKED);
}

void vcpu_mark_events_pending(struct vcpu *v)
{
    if (!atomic_xchg(&v->info->evtchn_upcall_pending, 1)) {
        WRITE_ONCE(v->upcall_raised, true);
        vcpu_kick(v);
    }
}

bool vcpu_event_deliverable(const struct vcpu *v)
{
    if (unlikely(v->hvm))
        return v->domain->ops->event_deliverable(v);
    return READ_ONCE(v->info->evtchn_upcall_pending) && !READ_ONCE(v->info->evtchn_upcall_mask);
}

void evtchn_vcpu_info_moved(struct vcpu *v)
{
    evtchn_select_all(v);
    vcpu_mark_events_pending(v);
}

void evtchn_wake_pollers(struct domain *d, uint32_t port)
{
    uint64_t polling = READ_ONCE(d->evtchn.poll_mask);
    unsigned int id;

    for_each_set_bit (id, &polling, MAX_VCPUS) {
        struct vcpu *v = d->vcpu[id];
        int32_t polled = READ_ONCE(v->poll_port);

        if (polled < 0 || (uint32_t)polled == port)
            vcpu_unblock(v);
    }
}

/* The 2-level ABI: a bit per port in shared_info, and a selector bit per 64 ports in vcpu_info. */

static void l2_init(struct domain *d __unused, struct evtchn *chn __unused)
{
}

static void l2_notify(struct vcpu *v, uint32_t port)
{
    if (!bit_test_and_set_atomic(&v->info->evtchn_pending_sel, port / 64))
        vcpu_mark_events_pending(v);
}

static inline void l2_set_pending(struct vcpu *v, struct evtchn *chn)
{
    struct domain *d = v->domain;
    uint32_t port = chn->port;

    if (bit_test_and_set_atomic(d->shared_info->evtchn_pending, port))
        return;
    if (!bit_test(d->shared_info->evtchn_mask, port))
        l2_notify(v, port);
    if (unlikely(READ_ONCE(d->evtchn.poll_mask)))
        evtchn_wake_pollers(d, port);
}

static void l2_clear_pending(struct domain *d, const struct evtchn *chn)
{
    (void)bit_test_and_clear_atomic(d->shared_info->evtchn_pending, chn->port);
}

static void l2_unmask(struct domain *d, struct evtchn *chn)
{
    uint32_t port = chn->port;

    if (bit_test_and_clear_atomic(d->shared_info->evtchn_mask, port) &&
        bit_test(d->shared_info->evtchn_pending, port))
        l2_notify(d->vcpu[chn->notify_vcpu], port);
}

static bool l2_is_pending(const struct domain *d, uint32_t port)
{
    return bit_test(d->shared_info->evtchn_pending, port);
}

static bool l2_is_masked(const struct domain *d, uint32_t port)
{
    return bit_test(d->shared_info->evtchn_mask, port);
}

static bool l2_is_busy(const struct domain *d __unused, uint32_t port __unused)
{
    return false;
}

static int l2_set_priority(struct domain *d __unused, struct evtchn *chn __unused, uint32_t priority __unused)
{
    return -ENOSYS;
}

static void l2_release(struct domain *d __unused)
{
}

const struct evtchn_port_ops evtchn_2l_ops = {
    .init = l2_init,
    .set_pending = l2_set_pending,
    .clear_pending = l2_clear_pending,
    .unmask = l2_unmask,
    .is_pending = l2_is_pending,
    .is_masked = l2_is_masked,
    .is_busy = l2_is_busy,
    .set_priority = l2_set_priority,
    .release = l2_release,
};

/* Raising */

/*
 * A domain has ports before it has vCPUs while it is built: nobody to tell then. The usual ABI is called
 * directly, so that it comes inline.
 */
static __always_inline void raise(struct domain *d, struct evtchn *chn)
{
    struct vcpu *v = d->vcpu[READ_ONCE(chn->notify_vcpu)];
    const struct evtchn_port_ops *ops = d->evtchn.ops;

    if (unlikely(!v))
        return;
    if (likely(ops == &evtchn_2l_ops))
        l2_set_pending(v, chn);
    else
        ops->set_pending(v, chn);
}

int evtchn_send(struct domain *d, uint32_t port)
{
    struct evtchn *chn = evtchn_of(&d->evtchn, port);
    bool console = false;
    int rc = 0;

    if (unlikely(!chn))
        return -EINVAL;

    evtchn_lock(chn);
    if (likely(chn->state == ECS_INTERDOMAIN)) {
        struct domain *remote = chn->u.interdomain.remote;

        raise(remote, chn->u.interdomain.other);
    } else if (chn->state == ECS_IPI) {
        raise(d, chn);
    } else if (chn->state == ECS_UNBOUND) {
        console = d->console_ring && port == d->console_port;
    } else {
        rc = -EINVAL;
    }
    evtchn_unlock(chn);

    if (unlikely(console))
        console_domain_notify(d);
    return rc;
}

/* Raise d's port if it still is what the caller thinks: `state`, for the virq or pirq `source`. */
static void raise_port(struct domain *d, uint32_t port, enum evtchn_state state, uint32_t source)
{
    struct evtchn *chn = port ? evtchn_of(&d->evtchn, port) : NULL;

    if (!chn)
        return;
    evtchn_lock(chn);
    if (chn->state == state && (state == ECS_UNBOUND || chn->u.virq == source))
        raise(d, chn);
    evtchn_unlock(chn);
}
_Static_assert(offsetof(struct evtchn, u.virq) == offsetof(struct evtchn, u.pirq), "one source field");

void evtchn_send_vcpu_virq(struct vcpu *v, unsigned int virq)
{
    raise_port(v->domain, READ_ONCE(v->virq_port[virq]), ECS_VIRQ, virq);
}

void evtchn_send_pirq(struct domain *d, unsigned int pirq)
{
    const uint32_t *ports = READ_ONCE(d->evtchn.pirq_port);

    if (ports)
        raise_port(d, READ_ONCE(ports[pirq]), ECS_PIRQ, pirq);
}

void evtchn_send_console(struct domain *d)
{
    raise_port(d, d->console_port, ECS_UNBOUND, 0);
}

bool virq_is_global(unsigned int virq)
{
    return virq != VIRQ_TIMER && virq != VIRQ_DEBUG && virq != VIRQ_XENOPROF && virq != VIRQ_XENPMU;
}

/* Domains that handle a global virq in dom0's place. The lock is held while one is raised, so that a domain
 * can leave. */
static struct domain *virq_handler[NR_VIRQS];
static uint8_t virq_handler_lock;

static void raise_global(struct domain *d, unsigned int virq)
{
    if (d && d->vcpu[0])
        evtchn_send_vcpu_virq(d->vcpu[0], virq);
}

void evtchn_send_global_virq(unsigned int virq)
{
    if (likely(!READ_ONCE(virq_handler[virq]))) {
        raise_global(dom0, virq);
        return;
    }
    byte_lock(&virq_handler_lock);
    raise_global(virq_handler[virq] ? virq_handler[virq] : dom0, virq);
    byte_unlock(&virq_handler_lock);
}

int evtchn_set_virq_handler(struct domain *d, unsigned int virq)
{
    if (virq >= NR_VIRQS || !virq_is_global(virq) || d->dying) /* who is dying left already */
        return -EINVAL;
    byte_lock(&virq_handler_lock);
    virq_handler[virq] = d == dom0 ? NULL : d;
    byte_unlock(&virq_handler_lock);
    return 0;
}

static void drop_virq_handlers(const struct domain *d)
{
    byte_lock(&virq_handler_lock);
    for (unsigned int virq = 0; virq < NR_VIRQS; virq++)
        if (virq_handler[virq] == d)
            virq_handler[virq] = NULL;
    byte_unlock(&virq_handler_lock);
}

/* Ports */

/* A further group of ports. 0, -ENOMEM. */
static int add_group(struct evtchn_domain *e)
{
    struct evtchn ***dir = &e->dir[e->ports / EVTCHNS_PER_DIR];
    struct evtchn *group;

    if (!*dir)
        *dir = hv_zalloc_array(EVTCHN_DIR_GROUPS, sizeof(**dir));
    if (!*dir)
        return -ENOMEM;
    group = hv_zalloc(GROUP_BYTES);
    if (!group)
        return -ENOMEM;
    for (uint32_t i = 0; i < EVTCHNS_PER_GROUP; i++)
        group[i].port = e->ports + i;
    (*dir)[e->ports / EVTCHNS_PER_GROUP % EVTCHN_DIR_GROUPS] = group;
    smp_wmb();
    WRITE_ONCE(e->ports, e->ports + EVTCHNS_PER_GROUP);
    return 0;
}

int evtchn_alloc_port(struct domain *d)
{
    struct evtchn_domain *e = &d->evtchn;
    uint32_t limit = min(e->max_ports, e->abi_ports);
    bool busy_below = false;

    if (d->dying)
        return -EINVAL;
    for (uint32_t port = e->next_free; port < limit; port++) {
        struct evtchn *chn;

        if (port >= e->ports && add_group(e))
            return -ENOMEM;
        chn = evtchn_of(e, port);
        if (chn->state != ECS_FREE)
            continue;
        if (e->ops->is_busy(d, port)) {
            e->next_free = busy_below ? e->next_free : port;
            busy_below = true;
            continue;
        }
        if (!busy_below)
            e->next_free = port + 1;
        e->active++;
        chn->state = ECS_RESERVED;
        return (int)port;
    }
    return -ENOSPC;
}

void evtchn_bind_port(struct domain *d, uint32_t port, enum evtchn_state state, uint16_t vcpu,
                      const struct evtchn *u_of)
{
    struct evtchn *chn = evtchn_of(&d->evtchn, port);

    evtchn_lock(chn);
    /* A raise that was under way when the port was last closed may have come after close cleared it. */
    d->evtchn.ops->clear_pending(d, chn);
    d->evtchn.ops->init(d, chn);
    chn->u = u_of->u;
    chn->notify_vcpu = vcpu;
    chn->state = (uint8_t)state;
    evtchn_unlock(chn);
}

void evtchn_free_port(struct domain *d, uint32_t port)
{
    struct evtchn *chn = evtchn_of(&d->evtchn, port);

    evtchn_lock(chn);
    d->evtchn.ops->clear_pending(d, chn);
    chn->state = ECS_FREE;
    chn->notify_vcpu = 0;
    evtchn_unlock(chn);
    d->evtchn.next_free = min(d->evtchn.next_free, port);
    d->evtchn.active--;
}

void evtchn_lock_pair(struct domain *a, struct domain *b)
{
    struct domain *first = a->id < b->id ? a : b;

    spin_lock(&first->evtchn.lock);
    if (a != b)
        spin_lock(&(first == a ? b : a)->evtchn.lock);
}

void evtchn_unlock_pair(struct domain *a, struct domain *b)
{
    spin_unlock(&a->evtchn.lock);
    if (a != b)
        spin_unlock(&b->evtchn.lock);
}

/* The domain at the other end of an interdomain port, else NULL. */
static struct domain *remote_of(const struct evtchn *chn)
{
    return chn->state == ECS_INTERDOMAIN ? chn->u.interdomain.remote : NULL;
}

/*
 * Lock d and, for an interdomain port, the domain at its other end, which is returned (else NULL). When d has
 * the higher id its lock has to be dropped in between, and the port may change meanwhile: then once more.
 */
static struct domain *lock_with_remote(struct domain *d, const struct evtchn *chn)
{
    struct domain *remote;

    spin_lock(&d->evtchn.lock);
    while ((remote = remote_of(chn)) && remote->id < d->id) {
        /* The binding under d's lock keeps it alive up to here, so that a reference can be had. */
        bool referenced = domain_get(remote);

        spin_unlock(&d->evtchn.lock);
        if (referenced) {
            evtchn_lock_pair(remote, d);
            if (remote_of(chn) == remote) {
                domain_put(remote);
                return remote;
            }
            spin_unlock(&remote->evtchn.lock);
            domain_put(remote);
        } else {
            cpu_relax();
            spin_lock(&d->evtchn.lock);
        }
    }
    if (remote && remote != d)
        spin_lock(&remote->evtchn.lock);
    return remote;
}

/* Forget what a port in use is bound to. Both ends' domains are locked. */
static void unbind_port(struct domain *d, struct evtchn *chn)
{
    struct vcpu *v;

    switch (chn->state) {
    case ECS_INTERDOMAIN: {
        struct evtchn *other = chn->u.interdomain.other;

        evtchn_lock(other);
        other->state = ECS_UNBOUND;
        other->u.unbound_domid = d->id;
        evtchn_unlock(other);
        break;
    }
    case ECS_PIRQ:
        pirq_unbind(d, chn->u.pirq);
        WRITE_ONCE(d->evtchn.pirq_port[chn->u.pirq], 0);
        break;
    case ECS_VIRQ:
        for_each_vcpu (d, v)
            if (v->virq_port[chn->u.virq] == chn->port)
                WRITE_ONCE(v->virq_port[chn->u.virq], 0);
        break;
    }
}

int evtchn_close_port(struct domain *d, uint32_t port)
{
    struct evtchn *chn = evtchn_of(&d->evtchn, port);
    struct domain *remote;
    int rc = -EINVAL;

    if (!chn)
        return -EINVAL;
    remote = lock_with_remote(d, chn);
    if (evtchn_usable(chn)) {
        unbind_port(d, chn);
        evtchn_free_port(d, port);
        rc = 0;
    }
    evtchn_unlock_pair(d, remote ? remote : d);
    return rc;
}

int evtchn_alloc_unbound_for(struct domain *d, domid_t remote)
{
    struct evtchn u = { .u.unbound_domid = remote };
    int port;

    spin_lock(&d->evtchn.lock);
    port = evtchn_alloc_port(d);
    if (port >= 0)
        evtchn_bind_port(d, (uint32_t)port, ECS_UNBOUND, 0, &u);
    spin_unlock(&d->evtchn.lock);
    return port;
}

/* Life of the domain */

int evtchn_init(struct domain *d, uint32_t max_ports)
{
    struct evtchn_domain *e = &d->evtchn;

    *e = (struct evtchn_domain){ .ops = &evtchn_2l_ops,
                                 .abi_ports = EVTCHN_2L_NR_CHANNELS,
                                 .max_ports = min(max_ports, (uint32_t)EVTCHN_FIFO_NR_CHANNELS),
                                 .next_free = 1 };
    spin_lock_init(&e->lock, LOCK_EVTCHN);
    if (add_group(e)) {
        evtchn_free(d);
        return -ENOMEM;
    }
    evtchn_of(e, 0)->state = ECS_RESERVED;
    return 0;
}

void evtchn_close_all(struct domain *d)
{
    /* Who allocates a port for the domain has either seen that it is dying, or is waited for here. */
    spin_lock(&d->evtchn.lock);
    spin_unlock(&d->evtchn.lock);
    for (uint32_t port = 1; port < d->evtchn.ports && d->evtchn.active; port++)
        (void)evtchn_close_port(d, port);
    drop_virq_handlers(d);
    spin_lock(&d->evtchn.lock);
    d->evtchn.ops->release(d);
    spin_unlock(&d->evtchn.lock);
}

void evtchn_free(struct domain *d)
{
    struct evtchn_domain *e = &d->evtchn;

    for (uint32_t i = 0; i < EVTCHN_DIRS; i++) {
        if (!e->dir[i])
            continue;
        for (uint32_t group = 0; group < EVTCHN_DIR_GROUPS; group++)
            hv_free(e->dir[i][group]);
        hv_free(e->dir[i]);
        e->dir[i] = NULL;
    }
    e->ports = 0;
    hv_free(e->pirq_port);
    e->pirq_port = NULL;
}
