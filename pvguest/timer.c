/* SPDX-License-Identifier: MIT */
#include "pvguest/timer.h"
#include "pvguest/cpu.h"
#include "pvguest/event_channel.h"
#include "pvguest/panic.h"
#include "pvguest/time.h"
#include <xen/vcpu.h>

static struct timer *root;
static uint64_t programmed = TIME_NEVER; /* what the hypervisor will raise VIRQ_TIMER at */
static bool dispatching;

/* Has the hypervisor wake us at the earliest deadline, if that is earlier than what it knows. A later one is
 * not told: the superfluous event costs less than a hypercall for each timer that is started and cancelled.
 */
static void program(void)
{
    uint64_t deadline = root ? root->deadline : TIME_NEVER;

    if (deadline >= programmed)
        return;
    programmed = deadline;
    hypercall_set_timer_op(deadline ? deadline : 1);
}

static void timer_event(evtchn_port_t port, void *arg)
{
    (void)port;
    (void)arg;
    programmed = TIME_NEVER;
    dispatching = true;
    while (root && root->deadline <= time_ns()) {
        struct timer *timer = root;

        timer_heap_remove(&root, timer);
        timer->fn(timer);
    }
    dispatching = false;
    program();
}

void timer_start(struct timer *timer, uint64_t deadline)
{
    bool masked = upcalls_disable();

    if (timer->active)
        timer_heap_remove(&root, timer);
    timer->deadline = deadline;
    timer_heap_add(&root, timer);
    if (!dispatching)
        program();
    upcalls_restore(masked);
}

bool timer_cancel_active(struct timer *timer)
{
    bool masked = upcalls_disable();
    bool active = timer->active;

    if (active)
        timer_heap_remove(&root, timer);
    upcalls_restore(masked);
    return active;
}

void timer_init(void)
{
    evtchn_port_t port;
    int error;

    /* An older Xen ticks unasked; a hypervisor without the tick has nothing to stop. */
    hypercall_vcpu_op(VCPUOP_stop_periodic_timer, 0, NULL);
    error = evtchn_bind_virq(VIRQ_TIMER, 0, &port);
    if (!error)
        error = evtchn_set_handler(port, timer_event, NULL);
    if (error)
        panic("timer: cannot bind VIRQ_TIMER: error %d", error);
    evtchn_unmask(port);
}
