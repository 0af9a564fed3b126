/* SPDX-License-Identifier: MIT */
/* Creation of vCPUs and where their vcpu_info lives. */
#include "hv/cpu/current.h"
#include "hv/cpu/fpu.h"
#include "hv/cpu/ipi.h"
#include "hv/cpu/time.h"
#include "hv/domain/domain.h"
#include "hv/domain/runstate.h"
#include "hv/io/console.h"
#include "hv/lib/errno.h"
#include "hv/lib/string.h"
#include "hv/mm/heap.h"
#include "hv/pv/page_type.h"
#include "hv/sched/sched.h"

struct vcpu_info idle_vcpu_info = { .evtchn_upcall_mask = 1 };

/* What a vCPU without a place in shared_info (id >= 32) writes to until it registers one. Nobody reads it. */
static struct vcpu_info dummy_vcpu_info = { .evtchn_upcall_mask = 1 };

struct vcpu *vcpu_alloc(void)
{
    return hv_zalloc(sizeof(struct vcpu));
}

void vcpu_free(struct vcpu *v)
{
    hv_free(v);
}

static void singleshot_fired(void *arg)
{
    evtchn_send_vcpu_virq(arg, VIRQ_TIMER);
}

static void periodic_fired(void *arg)
{
    struct vcpu *v = arg;
    uint64_t now = now_ns(), period = READ_ONCE(v->periodic_period); /* another vCPU may be making it 0 */

    evtchn_send_vcpu_virq(v, VIRQ_TIMER);
    if (!period)
        return;
    /* Ticks that were missed while the vCPU had no CPU are not made up for. */
    v->periodic_last += (now - v->periodic_last) / period * period;
    timer_set(&v->periodic, v->periodic_last + period);
}

static void poll_timed_out(void *arg)
{
    struct vcpu *v = arg;

    if (v->poll_port)
        vcpu_unblock(v);
}

void vcpu_stop_timers(struct vcpu *v)
{
    timer_kill(&v->singleshot);
    timer_kill(&v->periodic);
    timer_kill(&v->poll);
}

void vcpu_info_init(struct vcpu *v)
{
    v->info = v->id < XEN_LEGACY_MAX_VCPUS ? &v->domain->shared_info->vcpu_info[v->id] : &dummy_vcpu_info;
    if (v->info != &dummy_vcpu_info)
        v->info->evtchn_upcall_mask = 1;
}

struct vcpu *vcpu_create(struct domain *d, uint16_t id, unsigned int cpu)
{
    struct vcpu *v;

    if (id >= d->max_vcpus || d->vcpu[id])
        return NULL;
    v = vcpu_alloc();
    if (!v)
        return NULL;
    v->domain = d;
    v->id = id;
    v->pause_flags = VPF_DOWN;
    v->xcr0 = 1;
    vcpu_info_init(v);
    sched_vcpu_init(v, cpu);
    timer_init(&v->singleshot, singleshot_fired, v, cpu);
    timer_init(&v->periodic, periodic_fired, v, cpu);
    timer_init(&v->poll, poll_timed_out, v, cpu);
    if (fpu_vcpu_init(v) || d->ops->vcpu_init(v)) {
        d->ops->vcpu_free(v);
        fpu_vcpu_free(v);
        sched_vcpu_free(v);
        vcpu_free(v);
        return NULL;
    }
    d->vcpu[id] = v;
    return v;
}

int vcpu_info_register(struct vcpu *v, gfn_t gfn, uint32_t offset)
{
    struct domain *d = v->domain;
    struct vcpu_info *to, *from = v->info;
    struct frame *f;

    if (offset > PAGE_SIZE - sizeof(struct vcpu_info))
        return -ENXIO;
    if (v->info_registered)
        return -EINVAL;
    if (v != current && !(READ_ONCE(v->pause_flags) & VPF_DOWN))
        return -EINVAL;
    f = d->ops->get_frame(d, gfn, true);
    if (!f)
        return -EINVAL;
    if (!page_get_writable(f)) {
        frame_put(f);
        return -EINVAL;
    }
    to = (struct vcpu_info *)((char *)frame_to_virt(f) + offset);
    if (from == &dummy_vcpu_info) {
        memset(to, 0, sizeof(*to));
        to->evtchn_upcall_mask = 1;
    } else {
        memcpy(to, from, sizeof(*to));
    }
    v->info_frame = f;
    WRITE_ONCE(v->info, to);
    v->info_registered = true;
    /* An event may have been raised in the old place: pretend that every word has one, the guest sorts it
     * out. */
    evtchn_vcpu_info_moved(v);
    return 0;
}

void vcpu_info_unregister(struct vcpu *v)
{
    struct frame *f = v->info_frame;

    v->info = &dummy_vcpu_info;
    v->info_registered = false;
    v->info_frame = NULL;
    if (f) {
        page_put_writable(f);
        frame_put(f);
    }
}

void vcpu_pending_work(struct vcpu *v)
{
    if (v->nmi_pending && !v->nmi_masked)
        v->domain->ops->take_nmi();
}

void vcpu_send_nmi(struct vcpu *v)
{
    if (atomic_xchg(&v->nmi_pending, 1))
        return;
    if (v == current)
        cpu_raise(CPU_PENDING_GUEST);
    else
        vcpu_kick(v);
}

void vcpu_reset(struct vcpu *v)
{
    atomic_or(&v->pause_flags, VPF_DOWN);
    v->initialised = false;
    v->runstate_guest = v->time_guest = gva(0);
    v->nmi_pending = 0;
    v->nmi_masked = false;
    fpu_vcpu_reset(v);
    /* A registered vcpu_info stays, for another CPU may be raising an event there. */
    WRITE_ONCE(v->info->evtchn_upcall_mask, 1);
    vcpu_unblock(v);
}
