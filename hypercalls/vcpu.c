/* SPDX-License-Identifier: MIT */
/* vcpu_op: bring vCPUs up and down, their timers, and the memory areas they share with the hypervisor. */
#include "hypercalls/vcpu.h"
#include "hypercalls/hypercall.h"
#include "hv/domain/runstate.h"
#include "hv/hvm/context.h"
#include "hv/cpu/time.h"
#include "hv/lib/nospec.h"
#include "hv/mm/heap.h"
#include "hv/pv/pv.h"
#include "hv/sched/sched.h"
#include <xen/vcpu.h>

#define PERIOD_MIN_NS 1000000ULL
#define PERIOD_MAX_NS (~0ULL >> 2)

int vcpu_set_context(struct vcpu *v, const struct vcpu_guest_context *c)
{
    int rc = pv_vcpu_set_context(v, c);

    if (rc)
        return rc;
    if (c->flags & VGCF_online)
        vcpu_clear_pause_flags(v, VPF_DOWN);
    else
        atomic_or(&v->pause_flags, VPF_DOWN);
    return 0;
}

/* VCPUOP_initialise of a hardware guest: its own form of registers. */
static int64_t vcpu_initialise_hvm(struct vcpu *v, gva_t arg)
{
    struct vcpu_hvm_context c;
    int rc;

    if (read_guest(&c, arg))
        return -EFAULT;
    spin_lock(&v->domain->lock);
    rc = v->initialised ? -EEXIST : hvm_set_start(v, &c);
    spin_unlock(&v->domain->lock);
    return rc;
}

/* VCPUOP_initialise. 0, -EEXIST when it is initialised already, -ENOMEM, -EFAULT, -EINVAL, -ERESTART. */
static int64_t vcpu_initialise(struct vcpu *v, gva_t arg)
{
    struct vcpu_guest_context *c;
    int rc;

    if (is_hvm_domain(v->domain))
        return vcpu_initialise_hvm(v, arg);
    /* vCPUs without a slot in shared_info need a place for theirs first. */
    if (v->id >= XEN_LEGACY_MAX_VCPUS && !v->info_registered)
        return -EINVAL;
    c = hv_zalloc(sizeof(*c));
    if (!c)
        return -ENOMEM;
    rc = read_guest(c, arg) ? -EFAULT : 0;
    if (!rc) {
        spin_lock(&v->domain->lock);
        rc = v->initialised ? -EEXIST : vcpu_set_context(v, c);
        spin_unlock(&v->domain->lock);
    }
    hv_free(c);
    return rc == -ERESTART ? HYPERCALL_RESTART : rc;
}

static int64_t vcpu_up(struct vcpu *v)
{
    bool wake = false, initialised;

    spin_lock(&v->domain->lock);
    initialised = v->initialised;
    if (initialised)
        wake = atomic_fetch_and(&v->pause_flags, ~VPF_DOWN) & VPF_DOWN;
    spin_unlock(&v->domain->lock);
    if (wake)
        vcpu_wake(v);
    return initialised ? 0 : -EINVAL;
}

/* The last vCPU that goes down takes the domain with it. */
static int64_t vcpu_down(struct vcpu *v)
{
    struct vcpu *other;
    bool last = true;

    for_each_vcpu (v->domain, other)
        if (other != v && !(READ_ONCE(other->pause_flags) & VPF_DOWN))
            last = false;
    if (last)
        domain_shutdown(v->domain, SHUTDOWN_poweroff);
    else if (!(atomic_fetch_or(&v->pause_flags, VPF_DOWN) & VPF_DOWN))
        vcpu_sleep_nosync(v);
    return 0;
}

static int64_t vcpu_runstate(struct vcpu *v, gva_t arg)
{
    struct vcpu_runstate_info info = { 0 };

    vcpu_runstate_get(v, &info);
    return write_guest(arg, &info);
}

/*
 * The area is written through the page tables that are active then: for the current vCPU at once and whenever
 * it is scheduled, for another one once here, through ours, so that it can be read before that one runs.
 */
static int64_t vcpu_register_runstate(struct vcpu *v, gva_t arg)
{
    struct vcpu_register_runstate_memory_area area;
    struct vcpu_runstate_info info = { 0 };

    if (read_guest(&area, arg) || !guest_range_ok(gva(area.addr.p), sizeof(info)))
        return -EFAULT;
    v->runstate_guest = gva(area.addr.p);
    if (!area.addr.p)
        return 0;
    vcpu_runstate_get(v, &info);
    (void)!write_guest(v->runstate_guest, &info);
    return 0;
}

static int64_t vcpu_register_time(struct vcpu *v, gva_t arg)
{
    struct vcpu_register_time_memory_area area;

    if (read_guest(&area, arg) || !guest_range_ok(gva(area.addr.p), sizeof(struct vcpu_time_info)))
        return -EFAULT;
    v->time_guest = gva(area.addr.p);
    if (v == current)
        vcpu_update_guest_areas(v);
    return 0;
}

static int64_t vcpu_register_info(struct vcpu *v, gva_t arg)
{
    struct vcpu_register_vcpu_info info;
    int rc;

    if (read_guest(&info, arg))
        return -EFAULT;
    spin_lock(&v->domain->lock);
    rc = vcpu_info_register(v, gfn(info.mfn), info.offset);
    spin_unlock(&v->domain->lock);
    return rc;
}

/* VIRQ_TIMER every `period` ns from now on, 0 = no more. */
static void vcpu_set_periodic(struct vcpu *v, uint64_t period)
{
    timer_stop(&v->periodic);
    WRITE_ONCE(v->periodic_period, period);
    if (!period)
        return;
    v->periodic_last = now_ns();
    timer_set(&v->periodic, v->periodic_last + period);
}

static int64_t vcpu_periodic(struct vcpu *v, gva_t arg)
{
    struct vcpu_set_periodic_timer set;

    if (read_guest(&set, arg))
        return -EFAULT;
    if (set.period_ns < PERIOD_MIN_NS || set.period_ns > PERIOD_MAX_NS)
        return -EINVAL;
    vcpu_set_periodic(v, set.period_ns);
    return 0;
}

static int64_t vcpu_singleshot(struct vcpu *v, gva_t arg)
{
    struct vcpu_set_singleshot_timer set;

    if (v != current)
        return -EINVAL;
    if (read_guest(&set, arg))
        return -EFAULT;
    timer_set(&v->singleshot, set.timeout_abs_ns);
    return 0;
}

static int64_t vcpu_stop_singleshot(struct vcpu *v)
{
    if (v != current)
        return -EINVAL;
    timer_stop(&v->singleshot);
    return 0;
}

static int64_t vcpu_nmi(struct vcpu *v, gva_t arg)
{
    if (arg.va)
        return -EINVAL;
    vcpu_send_nmi(v);
    return 0;
}

/* arg: VCPUOP_*, vCPU id (32 bits each), the structure of the operation. 0, is_up: 0 or 1, -ENOENT: no such
 * vCPU, -ENOSYS, or as Xen. */
int64_t do_vcpu_op(uint64_t arg[6])
{
    const struct domain *d = current->domain;
    uint32_t id = (uint32_t)arg[1];
    struct vcpu *v = domain_vcpu(d, id);
    gva_t p = gva(arg[2]);

    if (!v)
        return -ENOENT;

    switch ((uint32_t)arg[0]) {
    case VCPUOP_initialise:
        return vcpu_initialise(v, p);
    case VCPUOP_up:
        return vcpu_up(v);
    case VCPUOP_down:
        return vcpu_down(v);
    case VCPUOP_is_up:
        return !(READ_ONCE(v->pause_flags) & VPF_DOWN);
    case VCPUOP_get_runstate_info:
        return vcpu_runstate(v, p);
    case VCPUOP_register_runstate_memory_area:
        return vcpu_register_runstate(v, p);
    case VCPUOP_set_periodic_timer:
        return vcpu_periodic(v, p);
    case VCPUOP_stop_periodic_timer:
        vcpu_set_periodic(v, 0);
        return 0;
    case VCPUOP_set_singleshot_timer:
        return vcpu_singleshot(v, p);
    case VCPUOP_stop_singleshot_timer:
        return vcpu_stop_singleshot(v);
    case VCPUOP_register_vcpu_info:
        return vcpu_register_info(v, p);
    case VCPUOP_send_nmi:
        return vcpu_nmi(v, p);
    case VCPUOP_get_physid:
        return -EINVAL; /* only for a dom0 whose vCPUs are pinned one to one, which is not offered */
    case VCPUOP_register_vcpu_time_memory_area:
        return vcpu_register_time(v, p);
    default:
        return -ENOSYS;
    }
}
