/* SPDX-License-Identifier: MIT */
/* sched_op: a guest gives up its CPU, waits, or ends. */
#include "hypercalls/event_channel.h"
#include "hypercalls/hypercall.h"
#include "hv/cpu/time.h"
#include "hv/sched/sched.h"
#include <xen/sched.h>

#define POLL_PORTS_MAX 128

static int64_t sched_block(struct vcpu *v)
{
    struct vcpu_info *info = v->info;

    WRITE_ONCE(info->evtchn_upcall_mask, 0);
    /* With something to deliver already there is nothing to wait for; vcpu_block() looks again behind its
     * flag. */
    if (!READ_ONCE(info->evtchn_upcall_pending))
        vcpu_block();
    return 0;
}

/* Is one of the ports pending? 1, 0, -EFAULT, -EINVAL. *last: the last port looked at. */
static int any_port_pending(const struct domain *d, const struct sched_poll *poll, evtchn_port_t *last)
{
    for (unsigned int i = 0; i < poll->nr_ports; i++) {
        int rc;

        if (read_guest_elem(last, gva_of_handle(poll->ports), i))
            return -EFAULT;
        rc = evtchn_port_poll(d, *last);
        if (rc)
            return rc;
    }
    return 0;
}

/* Has somebody ended the poll since it began? The waker may have seen one of the two marks before the other
 * was set. */
static bool poll_ended(const struct vcpu *v)
{
    return !READ_ONCE(v->poll_port) || !(READ_ONCE(v->pause_flags) & VPF_BLOCKED) ||
           !(READ_ONCE(v->domain->evtchn.poll_mask) & BIT(v->id)) || vcpu_event_deliverable(v);
}

/*
 * The marks are set first, with locked operations, and the ports looked at then: an event that comes in
 * between finds the marks and ends the poll, one that came before is seen.
 */
static int64_t poll_ports(struct vcpu *v, const struct sched_poll *poll)
{
    evtchn_port_t last = 0;
    int rc = 0;

    timer_stop(&v->poll);
    atomic_or(&v->pause_flags, VPF_BLOCKED);
    v->poll_port = -1;
    atomic_or(&v->domain->evtchn.poll_mask, BIT(v->id));

    if (poll_ended(v) || (rc = any_port_pending(v->domain, poll, &last))) {
        v->poll_port = 0;
        atomic_and(&v->domain->evtchn.poll_mask, ~BIT(v->id));
        atomic_and(&v->pause_flags, ~VPF_BLOCKED);
        return min(rc, 0);
    }
    if (poll->nr_ports == 1)
        v->poll_port = (int32_t)last;
    if (poll->timeout)
        timer_set(&v->poll, poll->timeout);
    cpu_raise(CPU_PENDING_SCHEDULE);
    return 0;
}

static int64_t sched_poll(struct vcpu *v, gva_t arg)
{
    struct sched_poll poll;

    if (read_guest(&poll, arg))
        return -EFAULT;
    if (poll.nr_ports > POLL_PORTS_MAX)
        return -EINVAL;
    if (!guest_range_ok(gva_of_handle(poll.ports), poll.nr_ports * sizeof(evtchn_port_t)))
        return -EFAULT;
    return poll_ports(v, &poll);
}

static int64_t sched_shutdown(struct domain *d, gva_t arg)
{
    struct sched_shutdown op;

    if (read_guest(&op, arg))
        return -EFAULT;
    domain_shutdown(d, (uint8_t)op.reason);
    return 0;
}

static int64_t sched_shutdown_code(struct domain *d, gva_t arg)
{
    struct sched_shutdown op;

    if (read_guest(&op, arg))
        return -EFAULT;
    spin_lock(&d->lock);
    if (d->shutdown_code == SHUTDOWN_CODE_NONE)
        d->shutdown_code = (uint8_t)op.reason;
    spin_unlock(&d->lock);
    return 0;
}

static int64_t sched_remote_shutdown(gva_t arg)
{
    struct sched_remote_shutdown op;
    struct domain *d;
    int rc;

    if (read_guest(&op, arg))
        return -EFAULT;
    d = domain_by_id(op.domain_id);
    if (!d)
        return -ESRCH;
    rc = may(current->domain, ACTION_CONTROL, d);
    if (!rc)
        domain_shutdown(d, (uint8_t)op.reason);
    domain_put(d);
    return rc;
}

static void watchdog_arm(struct domain *d, uint32_t i, uint32_t seconds)
{
    timer_set(&d->watchdog[i], now_ns() + seconds * 1000000000ULL);
}

/* A new watchdog: its id, -ENOSPC. Lock: d->lock. */
static int watchdog_new(struct domain *d, uint32_t seconds)
{
    for (uint32_t i = 0; i < ARRAY_SIZE(d->watchdog); i++) {
        if (d->watchdog_inuse & (1U << i))
            continue;
        d->watchdog_inuse |= 1U << i;
        watchdog_arm(d, i, seconds);
        return (int)i + 1;
    }
    return -ENOSPC;
}

/* Set a watchdog anew, or with 0 seconds give it back. 0, -EINVAL when it is not in use. Lock: d->lock. */
static int watchdog_change(struct domain *d, uint32_t i, uint32_t seconds)
{
    if (i >= ARRAY_SIZE(d->watchdog) || !(d->watchdog_inuse & (1U << i)))
        return -EINVAL;
    if (seconds) {
        watchdog_arm(d, i, seconds);
    } else {
        timer_stop(&d->watchdog[i]);
        d->watchdog_inuse &= ~(1U << i);
    }
    return 0;
}

static int64_t sched_watchdog(struct domain *d, gva_t arg)
{
    struct sched_watchdog op;
    int rc;

    if (read_guest(&op, arg))
        return -EFAULT;
    spin_lock(&d->lock);
    rc = op.id == 0 ? watchdog_new(d, op.timeout) : watchdog_change(d, op.id - 1, op.timeout);
    spin_unlock(&d->lock);
    return rc;
}

/* Bind the calling vCPU to one CPU until it is told otherwise (-1), whatever its affinity says. */
static int64_t pin_override(struct vcpu *v, int32_t cpu)
{
    cpumask_t before = v->sched.affinity_hard;
    int rc;

    if (cpu >= NR_CPUS)
        return -EINVAL;
    if (cpu < 0) {
        if (!v->pin_saved.bits)
            return -EINVAL;
        rc = sched_set_affinity(v, v->pin_saved);
        if (!rc)
            v->pin_saved.bits = 0;
        return rc;
    }
    if (v->pin_saved.bits)
        return -EBUSY;
    rc = sched_set_affinity(v, (cpumask_t){ BIT(cpu) });
    if (!rc)
        v->pin_saved = before;
    return rc;
}

static int64_t sched_pin_override(struct vcpu *v, gva_t arg)
{
    struct sched_pin_override op;

    if (!v->domain->hardware)
        return -EPERM;
    if (read_guest(&op, arg))
        return -EFAULT;
    return pin_override(v, op.pcpu);
}

/* arg: SCHEDOP_* (32 bits), the structure of that name. 0 (watchdog: its id) or -errno; -ENOSYS for an
 * unknown operation. */
int64_t do_sched_op(uint64_t arg[6])
{
    struct vcpu *v = current;
    gva_t p = gva(arg[1]);

    switch ((uint32_t)arg[0]) {
    case SCHEDOP_yield:
        vcpu_yield();
        return 0;
    case SCHEDOP_block:
        return sched_block(v);
    case SCHEDOP_shutdown:
        return sched_shutdown(v->domain, p);
    case SCHEDOP_poll:
        return sched_poll(v, p);
    case SCHEDOP_remote_shutdown:
        return sched_remote_shutdown(p);
    case SCHEDOP_shutdown_code:
        return sched_shutdown_code(v->domain, p);
    case SCHEDOP_watchdog:
        return sched_watchdog(v->domain, p);
    case SCHEDOP_pin_override:
        return sched_pin_override(v, p);
    default:
        return -ENOSYS;
    }
}

/* The same before Xen 3.0.2: a reason in the place of a structure. */
int64_t do_sched_op_compat(uint64_t arg[6])
{
    struct vcpu *v = current;

    switch ((uint32_t)arg[0]) {
    case SCHEDOP_yield:
        vcpu_yield();
        return 0;
    case SCHEDOP_block:
        return sched_block(v);
    case SCHEDOP_shutdown:
        domain_shutdown(v->domain, (uint8_t)arg[1]);
        return 0;
    default:
        return -ENOSYS;
    }
}
