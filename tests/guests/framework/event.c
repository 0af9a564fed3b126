/* SPDX-License-Identifier: MIT */
#include "tests/guests/framework/event.h"
#include "tests/guests/framework/cpu.h"
#include "tests/guests/framework/hypercall.h"
#include "tests/guests/framework/memory.h"
#include "guest_arch.h"

#define BITS 64u

volatile unsigned long event_counts[EVENT_PORTS];

void event_init(void)
{
    for (unsigned int i = 0; i < BITS; i++)
        __atomic_store_n(&shared_info->evtchn_mask[i], ~0ul, __ATOMIC_SEQ_CST);
}

void event_reset_counts(void)
{
    for (unsigned int i = 0; i < EVENT_PORTS; i++)
        event_counts[i] = 0;
}

void event_enable(void)
{
    arch_events_on(this_cpu()->info);
}

void event_disable(void)
{
    arch_events_off(this_cpu()->info);
}

void event_block(void)
{
    arch_events_wait();
}

bool event_enabled(void)
{
    return arch_events_enabled(this_cpu()->info);
}

void event_drain(void)
{
    event_enable();
    event_disable();
}

bool event_pending(evtchn_port_t port)
{
    return (__atomic_load_n(&shared_info->evtchn_pending[port / BITS], __ATOMIC_SEQ_CST) >> (port % BITS)) &
           1;
}

void event_clear(evtchn_port_t port)
{
    __atomic_fetch_and(&shared_info->evtchn_pending[port / BITS], ~(1ul << (port % BITS)), __ATOMIC_SEQ_CST);
}

void event_mask(evtchn_port_t port)
{
    __atomic_fetch_or(&shared_info->evtchn_mask[port / BITS], 1ul << (port % BITS), __ATOMIC_SEQ_CST);
}

void event_unmask(evtchn_port_t port)
{
    struct evtchn_unmask op = { .port = port };

    hc_evtchn(EVTCHNOP_unmask, &op);
}

static long new_port(long ret, evtchn_port_t port)
{
    if (ret)
        return ret;
    event_mask(port);
    event_clear(port);
    return port;
}

long event_bind_ipi(unsigned int vcpu)
{
    struct evtchn_bind_ipi op = { .vcpu = vcpu };
    long ret = hc_evtchn(EVTCHNOP_bind_ipi, &op);

    return new_port(ret, op.port);
}

long event_bind_virq(unsigned int virq, unsigned int vcpu)
{
    struct evtchn_bind_virq op = { .virq = virq, .vcpu = vcpu };
    long ret = hc_evtchn(EVTCHNOP_bind_virq, &op);

    return new_port(ret, op.port);
}

long event_alloc_unbound(domid_t dom, domid_t remote)
{
    struct evtchn_alloc_unbound op = { .dom = dom, .remote_dom = remote };
    long ret = hc_evtchn(EVTCHNOP_alloc_unbound, &op);

    return new_port(ret, op.port);
}

long event_bind_interdomain(domid_t remote, evtchn_port_t port)
{
    struct evtchn_bind_interdomain op = { .remote_dom = remote, .remote_port = port };
    long ret = hc_evtchn(EVTCHNOP_bind_interdomain, &op);

    return new_port(ret, op.local_port);
}

long event_send(evtchn_port_t port)
{
    struct evtchn_send op = { .port = port };

    return hc_evtchn(EVTCHNOP_send, &op);
}

long event_close(evtchn_port_t port)
{
    struct evtchn_close op = { .port = port };

    return hc_evtchn(EVTCHNOP_close, &op);
}

long event_status(evtchn_port_t port, struct evtchn_status *status)
{
    status->dom = DOMID_SELF;
    status->port = port;
    return hc_evtchn(EVTCHNOP_status, status);
}

unsigned int event_count_open(unsigned int limit)
{
    struct evtchn_status status;
    unsigned int count = 0;

    for (unsigned int port = 1; port < limit; port++)
        if (event_status(port, &status) == 0 && status.status != EVTCHNSTAT_closed)
            count++;
    return count;
}

static void scan_word(unsigned int word)
{
    uint64_t bits = __atomic_load_n(&shared_info->evtchn_pending[word], __ATOMIC_SEQ_CST) &
                    ~__atomic_load_n(&shared_info->evtchn_mask[word], __ATOMIC_SEQ_CST);

    for (; bits; bits &= bits - 1) {
        evtchn_port_t port = word * BITS + (evtchn_port_t)__builtin_ctzl(bits);

        event_clear(port);
        __atomic_fetch_add(&event_counts[port], 1, __ATOMIC_SEQ_CST);
    }
}

void event_upcall(void)
{
    vcpu_info_t *info = this_cpu()->info;

    this_cpu()->upcalls++;
    while (__atomic_exchange_n(&info->evtchn_upcall_pending, 0, __ATOMIC_SEQ_CST)) {
        uint64_t sel = __atomic_exchange_n(&info->evtchn_pending_sel, 0, __ATOMIC_SEQ_CST);

        for (; sel; sel &= sel - 1)
            scan_word((unsigned int)__builtin_ctzl(sel));
    }
}
