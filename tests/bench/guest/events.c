/* SPDX-License-Identifier: MIT */
/* Events that a vCPU sends to itself. */
#include "tests/bench/guest/bench.h"
#include "tests/guests/framework/guest.h"

extern char bench_upcall[];

/* Read by bench_upcall in stubs.S. */
extern vcpu_info_t *bench_info;
extern xen_ulong_t *bench_pending;
vcpu_info_t *bench_info;
xen_ulong_t *bench_pending;

static void set_upcall(const char *entry)
{
    struct callback_register cb = { .type = CALLBACKTYPE_event, .address = (uint64_t)entry };

    hc_callback(CALLBACKOP_register, &cb);
}

void bench_events(void)
{
    evtchn_port_t port = (evtchn_port_t)event_bind_ipi(0);
    struct evtchn_send send = { .port = port };
    struct evtchn_status status = { .dom = DOMID_SELF, .port = port };
    uint64_t op = (uint64_t)&send;

    bench_info = this_cpu()->info;
    bench_pending = &shared_info->evtchn_pending[port / 64];
    MEASURE("evtchn_send_pending", 1000, page_call(__HYPERVISOR_event_channel_op, EVTCHNOP_send, op, 0, 0));
    MEASURE("evtchn_send_masked", 1000, event_clear(port);
            page_call(__HYPERVISOR_event_channel_op, EVTCHNOP_send, op, 0, 0));
    event_clear(port);
    set_upcall(bench_upcall);
    event_unmask(port);
    event_enable();
    MEASURE("evtchn_send_upcall", 1000, page_call(__HYPERVISOR_event_channel_op, EVTCHNOP_send, op, 0, 0));
    MEASURE("evtchn_send_block_upcall", 1000, bench_info->evtchn_upcall_mask = 1;
            page_call(__HYPERVISOR_event_channel_op, EVTCHNOP_send, op, 0, 0);
            page_call(__HYPERVISOR_sched_op, SCHEDOP_block, 0, 0, 0));
    event_disable();
    set_upcall(upcall_entry);
    MEASURE("evtchn_status", 1000,
            page_call(__HYPERVISOR_event_channel_op, EVTCHNOP_status, (uint64_t)&status, 0, 0));
    event_close(port);
}
