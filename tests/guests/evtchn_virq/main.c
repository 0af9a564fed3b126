/* SPDX-License-Identifier: MIT */
/*
 * evtchn_virq: bind_virq.
 *
 * What:     per-vCPU and global VIRQs, double binding, bad numbers and vCPUs.
 * Why:      the timer comes this way.
 * Method:   bind VIRQ_TIMER twice, unknown VIRQs, vCPUs that do not exist, global VIRQs on a vCPU other
 *           than 0.
 * Expected: -EEXIST for a second binding on the same vCPU; -EINVAL for numbers beyond the table and for
 *           global VIRQs off vCPU 0; -ENOENT for vCPUs that do not exist; status tells the number; a
 *           guest cannot send on a VIRQ port.
 * Xen:      the same. The initial domain may bind global VIRQs; others get -EPERM where the hypervisor's
 *           policy says so.
 */
#include "tests/guests/framework/guest.h"

static void test(void)
{
    struct evtchn_status status;
    long port = event_bind_virq(VIRQ_DEBUG, 0), timer;

    CHECK(port > 0);
    CHECK_EQ(event_status((evtchn_port_t)port, &status), 0);
    CHECK_EQ(status.status, EVTCHNSTAT_virq);
    CHECK_EQ(status.u.virq, VIRQ_DEBUG);
    CHECK_EQ(status.vcpu, 0);
    CHECK_EQ(event_bind_virq(VIRQ_DEBUG, 0), -XEN_EEXIST);
    CHECK_EQ(event_send((evtchn_port_t)port), -XEN_EINVAL);
    CHECK(!event_pending((evtchn_port_t)port));
    timer = event_bind_virq(VIRQ_TIMER, 0);
    CHECK(timer > 0 && timer != port);
    CHECK_EQ(event_bind_virq(NR_VIRQS, 0), -XEN_EINVAL);
    CHECK_EQ(event_bind_virq(~0u, 0), -XEN_EINVAL);
    CHECK_EQ(event_bind_virq(VIRQ_TIMER, 4000), -XEN_ENOENT);
    CHECK_EQ(event_bind_virq(VIRQ_TIMER, ~0u), -XEN_ENOENT);
    if (smp_count() > 1)
        CHECK_EQ(event_bind_virq(VIRQ_DOM_EXC, 1), -XEN_EINVAL);
    CHECK_EQ(event_close((evtchn_port_t)timer), 0);
    CHECK_EQ(event_close((evtchn_port_t)port), 0);
    port = event_bind_virq(VIRQ_DEBUG, 0);
    CHECK(port > 0);
    CHECK_EQ(event_close((evtchn_port_t)port), 0);
}

GUEST_TEST(test);
