/* SPDX-License-Identifier: MIT */
/*
 * evtchn_bind_vcpu: moving a port to another vCPU.
 *
 * What:     EVTCHNOP_bind_vcpu on each kind of port, and to vCPUs that do not exist.
 * Why:      irq balancing; and an IPI or per-vCPU VIRQ must not move.
 * Method:   move, read the status, send and look whose selector gets the bit.
 * Expected: interdomain and unbound ports move; IPI and per-vCPU VIRQ ports -EINVAL; closed -EINVAL; no
 *           such vCPU -ENOENT.
 * Xen:      the same.
 */
#include "tests/guests/framework/guest.h"

static long bind_vcpu(long port, unsigned int vcpu)
{
    struct evtchn_bind_vcpu op = { .port = (evtchn_port_t)port, .vcpu = vcpu };

    return hc_evtchn(EVTCHNOP_bind_vcpu, &op);
}

static void check_move(long a, long b)
{
    vcpu_info_t *target = cpu_of(1)->info ? cpu_of(1)->info : &shared_info->vcpu_info[1];
    struct evtchn_status status;

    CHECK_EQ(bind_vcpu(b, 1), 0);
    CHECK_EQ(event_status((evtchn_port_t)b, &status), 0);
    CHECK_EQ(status.vcpu, 1);
    event_clear((evtchn_port_t)b);
    __atomic_fetch_and(&shared_info->evtchn_mask[b / 64], ~(1ul << (b % 64)), __ATOMIC_SEQ_CST);
    target->evtchn_upcall_pending = 0;
    target->evtchn_pending_sel = 0;
    CHECK_EQ(event_send((evtchn_port_t)a), 0);
    CHECK_EQ(target->evtchn_upcall_pending, 1);
    CHECK_EQ(target->evtchn_pending_sel, 1);
    event_mask((evtchn_port_t)b);
    event_clear((evtchn_port_t)b);
    target->evtchn_upcall_pending = 0;
    target->evtchn_pending_sel = 0;
}

static void test(void)
{
    long a = event_alloc_unbound(DOMID_SELF, DOMID_SELF),
         b = event_bind_interdomain(DOMID_SELF, (evtchn_port_t)a);
    long ipi = event_bind_ipi(0), virq = event_bind_virq(VIRQ_DEBUG, 0);

    CHECK_EQ(bind_vcpu(b, 0), 0);
    CHECK_EQ(bind_vcpu(b, 4000), -XEN_ENOENT);
    CHECK_EQ(bind_vcpu(b, ~0u), -XEN_ENOENT);
    CHECK_EQ(bind_vcpu(ipi, 0), -XEN_EINVAL);
    CHECK_EQ(bind_vcpu(virq, 0), -XEN_EINVAL);
    CHECK_EQ(bind_vcpu(0, 0), -XEN_EINVAL);
    CHECK_EQ(bind_vcpu(4095, 0), -XEN_EINVAL);
    if (smp_count() > 1)
        check_move(a, b);
    event_close((evtchn_port_t)virq);
    event_close((evtchn_port_t)ipi);
    event_close((evtchn_port_t)b);
    event_close((evtchn_port_t)a);
}

GUEST_TEST(test);
