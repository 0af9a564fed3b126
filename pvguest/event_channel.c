/* SPDX-License-Identifier: MIT */
#include "pvguest/event_channel.h"
#include "pvguest/cpu.h"
#include "pvguest/entry.h"
#include "pvguest/memory.h"
#include "pvguest/shared_info.h"
#include "pvguest/thread.h"
#include "pvguest/xen_errno.h"
#include <string.h>

#define PORTS_PER_PAGE 256
#define WORD_BITS      64

struct handler {
    evtchn_handler_t fn;
    void *arg;
};

/* What is known of a port: pages of entries that are allocated as ports come into use. */
static struct handler *handlers[EVTCHN_2L_NR_CHANNELS / PORTS_PER_PAGE];
/* Which vCPU's upcall a port belongs to: two of them may share a word of the pending bitmap. */
static uint8_t port_cpu[EVTCHN_2L_NR_CHANNELS];

static struct handler *port_handler(evtchn_port_t port)
{
    struct handler *page = handlers[port / PORTS_PER_PAGE];

    return page ? &page[port % PORTS_PER_PAGE] : NULL;
}

static unsigned long *word_of(xen_ulong_t *bitmap, evtchn_port_t port)
{
    return &bitmap[port / WORD_BITS];
}

static unsigned long bit_of(evtchn_port_t port)
{
    return 1UL << (port % WORD_BITS);
}

void evtchn_mask(evtchn_port_t port)
{
    __atomic_or_fetch(word_of(shared_info->evtchn_mask, port), bit_of(port), __ATOMIC_SEQ_CST);
}

void evtchn_unmask(evtchn_port_t port)
{
    struct evtchn_unmask unmask = { .port = port };

    /* The hypervisor raises an upcall for what is pending; done by hand that is only right for ports of this
     * vCPU. */
    hypercall_event_channel_op(EVTCHNOP_unmask, &unmask);
}

bool evtchn_is_pending(evtchn_port_t port)
{
    return *(volatile unsigned long *)word_of(shared_info->evtchn_pending, port) & bit_of(port);
}

int evtchn_send(evtchn_port_t port)
{
    struct evtchn_send send = { .port = port };
    bool masked = upcalls_disable();
    long error;

    /* The other end may run at once and answer before this returns: to take that here costs less than an
     * upcall. */
    error = hypercall_event_channel_op(EVTCHNOP_send, &send);
    upcalls_restore(masked);
    return (int)error;
}

int evtchn_alloc_unbound(domid_t remote, evtchn_port_t *port)
{
    struct evtchn_alloc_unbound op = { .dom = DOMID_SELF, .remote_dom = remote };
    long error = hypercall_event_channel_op(EVTCHNOP_alloc_unbound, &op);

    if (!error)
        *port = op.port;
    return (int)error;
}

int evtchn_bind_interdomain(domid_t remote, evtchn_port_t remote_port, evtchn_port_t *port)
{
    struct evtchn_bind_interdomain op = { .remote_dom = remote, .remote_port = remote_port };
    long error = hypercall_event_channel_op(EVTCHNOP_bind_interdomain, &op);

    if (!error)
        *port = op.local_port;
    return (int)error;
}

int evtchn_bind_virq(unsigned int virq, unsigned int vcpu, evtchn_port_t *port)
{
    struct evtchn_bind_virq op = { .virq = virq, .vcpu = vcpu };
    long error = hypercall_event_channel_op(EVTCHNOP_bind_virq, &op);

    if (error)
        return (int)error;
    port_cpu[op.port] = (uint8_t)vcpu;
    *port = op.port;
    return 0;
}

int evtchn_bind_ipi(unsigned int vcpu, evtchn_port_t *port)
{
    struct evtchn_bind_ipi op = { .vcpu = vcpu };
    long error = hypercall_event_channel_op(EVTCHNOP_bind_ipi, &op);

    if (error)
        return (int)error;
    port_cpu[op.port] = (uint8_t)vcpu;
    *port = op.port;
    return 0;
}

int evtchn_bind_pirq(unsigned int pirq, unsigned int flags, evtchn_port_t *port)
{
    struct evtchn_bind_pirq op = { .pirq = pirq, .flags = flags };
    long error = hypercall_event_channel_op(EVTCHNOP_bind_pirq, &op);

    if (!error)
        *port = op.port;
    return (int)error;
}

int evtchn_bind_vcpu(evtchn_port_t port, unsigned int vcpu)
{
    struct evtchn_bind_vcpu op = { .port = port, .vcpu = vcpu };
    long error = hypercall_event_channel_op(EVTCHNOP_bind_vcpu, &op);

    if (!error)
        port_cpu[port] = (uint8_t)vcpu;
    return (int)error;
}

int evtchn_close(evtchn_port_t port)
{
    struct evtchn_close op = { .port = port };
    long error;

    if (port >= EVTCHN_2L_NR_CHANNELS)
        return -XEN_EINVAL;
    evtchn_mask(port);
    error = hypercall_event_channel_op(EVTCHNOP_close, &op);
    if (error)
        return (int)error;
    port_cpu[port] = 0;
    evtchn_set_handler(port, NULL, NULL);
    return 0;
}

int evtchn_set_handler(evtchn_port_t port, evtchn_handler_t fn, void *arg)
{
    struct handler *handler;
    bool masked;

    if (!port || port >= EVTCHN_2L_NR_CHANNELS)
        return -XEN_EINVAL;
    handler = port_handler(port);
    if (!handler && !fn)
        return 0;
    if (!handler) {
        handlers[port / PORTS_PER_PAGE] = page_alloc_zeroed();
        handler = port_handler(port);
        if (!handler)
            return -XEN_ENOMEM;
    }
    masked = upcalls_disable();
    *handler = (struct handler){ fn, arg };
    upcalls_restore(masked);
    return 0;
}

static void deliver(evtchn_port_t port)
{
    const struct handler *handler = port_handler(port);

    __atomic_and_fetch(word_of(shared_info->evtchn_pending, port), ~bit_of(port), __ATOMIC_SEQ_CST);
    if (handler && handler->fn)
        handler->fn(port, handler->arg);
    else
        evtchn_mask(port);
}

static void scan_word(unsigned int word)
{
    unsigned int cpu = this_cpu()->id;
    unsigned long ready = *(volatile xen_ulong_t *)&shared_info->evtchn_pending[word] &
                          ~*(volatile xen_ulong_t *)&shared_info->evtchn_mask[word];

    while (ready) {
        evtchn_port_t port = word * WORD_BITS + (unsigned int)__builtin_ctzl(ready);

        ready &= ready - 1;
        if (port_cpu[port] == cpu)
            deliver(port);
    }
}

/* The pending flag is cleared before the selector is read, so that an event which comes during the scan sets
 * it again. */
void evtchn_take(void)
{
    struct cpu *cpu = this_cpu();

    cpu->event_depth++;
    while (__atomic_exchange_n(&cpu->info->evtchn_upcall_pending, 0, __ATOMIC_SEQ_CST)) {
        unsigned long words = __atomic_exchange_n(&cpu->info->evtchn_pending_sel, 0, __ATOMIC_SEQ_CST);

        for (; words; words &= words - 1)
            scan_word((unsigned int)__builtin_ctzl(words));
    }
    cpu->event_depth--;
}

/* Called by entry.S with upcalls masked. */
void evtchn_upcall(void)
{
    evtchn_take();
    if (this_cpu()->id == 0)
        thread_preempt();
}

/* An upcall's handlers may leave an event behind, or make another thread run here: hence the loop. */
void evtchn_catch_up(void)
{
    do {
        upcalls_disable();
        evtchn_upcall();
    } while (upcalls_unmask(this_cpu()->info));
}

void evtchn_init(void)
{
    memset(shared_info->evtchn_mask, 0xff, sizeof(shared_info->evtchn_mask));
}
