/* SPDX-License-Identifier: MIT */
/*
 * What the debug keys print is read without the locks that protect it, but for the list of domains: a key is
 * pressed when something hangs, and a line that is out of date harms less than a key that hangs too.
 */
#include "hv/domain/dump.h"
#include "hv/cpu/time.h"
#include "hv/domain/domain.h"
#include "hv/io/console.h"
#include "hv/io/debug_keys.h"
#include "hv/mm/m2p.h"
#include "hv/sched/sched.h"

#define FRAMES_SHOWN 8

static const char *domain_state(const struct domain *d)
{
    if (d->dying)
        return "dying";
    if (d->shut_down)
        return "shut down";
    return d->pause_count ? "paused" : "runs";
}

static const char *vcpu_state(const struct vcpu *v)
{
    if (v->sched.running)
        return "running";
    if (vcpu_runnable(v))
        return "waits for a CPU";
    if (v->pause_flags & VPF_DOWN)
        return "down";
    if (v->pause_flags & VPF_BLOCKED)
        return v->poll_port ? "polls" : "blocked";
    return v->pause_flags & VPF_PARKED ? "over its cap" : "paused";
}

static void show_vcpu(const struct vcpu *v)
{
    printk("  v%u %s, CPU%u, event pending %u mask %u", v->id, vcpu_state(v), v->sched.cpu,
           v->info->evtchn_upcall_pending, v->info->evtchn_upcall_mask);
    if (!v->sched.running)
        printk(", rip %016lx", v->regs.rip);
    printk("\n");
    if (v->domain->ops->show_counts)
        v->domain->ops->show_counts(v);
}

void domain_show_counts(void)
{
    struct domain *d;
    struct vcpu *v;

    spin_lock(&domlist_lock);
    for_each_domain (d)
        for_each_vcpu (d, v)
            if (d->ops->show_counts)
                d->ops->show_counts(v);
    spin_unlock(&domlist_lock);
}

static void show_domains(char key __unused)
{
    struct domain *d;
    struct vcpu *v;

    spin_lock(&domlist_lock);
    for_each_domain (d) {
        printk("d%u %s: %s, %u references, %lu of %lu pages\n", d->id, d->name, domain_state(d), d->refcount,
               d->tot_pages, d->max_pages);
        for_each_vcpu (d, v)
            show_vcpu(v);
    }
    spin_unlock(&domlist_lock);
}

/* vCPUs that wait on a CPU's queue. Lock: domlist_lock. */
static void show_queue(unsigned int cpu)
{
    struct domain *d;
    struct vcpu *v;

    for_each_domain (d)
        for_each_vcpu (d, v)
            if (v->sched.queued && v->sched.cpu == cpu)
                printk("    d%uv%u at %lu, %lu switches, %lu migrations\n", d->id, v->id, v->sched.node.key,
                       v->sched.switches, v->sched.migrations);
}

static void show_run_queues(char key __unused)
{
    unsigned int cpu;

    spin_lock(&domlist_lock);
    for_each_cpu (cpu, cpu_online_map.bits) {
        const struct vcpu *v = cpu_current(cpu);

        if (v->is_idle)
            printk("  CPU%u idle, %lu ms so far\n", cpu, cpu_idle_ns(cpu) / 1000000);
        else
            printk("  CPU%u runs d%uv%u since %lu us\n", cpu, v->domain->id, v->id,
                   (now_ns() - v->sched.run_start) / 1000);
        show_queue(cpu);
    }
    spin_unlock(&domlist_lock);
}

static void show_channel(const struct domain *d, const struct evtchn *chn)
{
    static const char *const states[] = {
        "free", "reserved", "unbound", "interdomain", "pirq", "virq", "ipi"
    };

    printk("  %5u v%u %s%s %s", chn->port, chn->notify_vcpu,
           d->evtchn.ops->is_pending(d, chn->port) ? "P" : "-",
           d->evtchn.ops->is_masked(d, chn->port) ? "M" : "-", states[chn->state]);
    if (chn->state == ECS_UNBOUND)
        printk(" for d%u", chn->u.unbound_domid);
    else if (chn->state == ECS_INTERDOMAIN && chn->u.interdomain.remote)
        printk(" d%u port %u", chn->u.interdomain.remote->id, chn->u.interdomain.other->port);
    else if (chn->state == ECS_PIRQ)
        printk(" %u", chn->u.pirq);
    else if (chn->state == ECS_VIRQ)
        printk(" %u", chn->u.virq);
    printk("\n");
}

static void show_events(char key __unused)
{
    struct domain *d;

    spin_lock(&domlist_lock);
    for_each_domain (d) {
        printk("d%u: %u ports in use (vCPU, pending, masked, what)\n", d->id, d->evtchn.active);
        for (uint32_t port = 1; port < d->evtchn.ports; port++) {
            const struct evtchn *chn = evtchn_of(&d->evtchn, port);

            if (evtchn_usable(chn))
                show_channel(d, chn);
        }
    }
    spin_unlock(&domlist_lock);
}

/* What keeps a dying domain: the first frames that somebody still refers to. */
static void show_frames_left(struct domain *d)
{
    uint32_t m = d->page_list;

    for (unsigned int i = 0; d->dying && i < FRAMES_SHOWN && m != FRAME_LIST_END; i++) {
        const struct frame *f = mfn_to_frame(mfn(m));

        printk("    mfn %#x, pfn %#lx: count %#lx, type %#lx\n", m, m2p_get(mfn(m)), f->count, f->type);
        m = f->next;
    }
}

static void show_memory(char key __unused)
{
    struct domain *d;

    printk("Memory: %lu of %lu pages free\n", frames_free(), frames_total());
    spin_lock(&domlist_lock);
    for_each_domain (d) {
        spin_lock(&d->page_lock);
        printk("  d%u %lu of %lu pages, %lu shared with it\n", d->id, d->tot_pages, d->max_pages,
               d->shared_pages);
        show_frames_left(d);
        spin_unlock(&d->page_lock);
    }
    spin_unlock(&domlist_lock);
}

void domain_dump_init(void)
{
    debug_key_register('q', show_domains, "domains and their vCPUs");
    debug_key_register('r', show_run_queues, "run queues");
    debug_key_register('e', show_events, "event channels");
    debug_key_register('m', show_memory, "memory");
}
