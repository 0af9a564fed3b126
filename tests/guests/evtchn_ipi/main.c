/* SPDX-License-Identifier: MIT */
/*
 * evtchn_ipi: bind_ipi, and the pending, mask and upcall rules of a port that is sent to itself.
 *
 * What:     send to an IPI port: masked, unmasked, already pending; EVTCHNOP_unmask; upcall counting.
 * Why:      the 2-level ABI's contract with the guest's event loop.
 * Method:   follow shared_info bits and upcalls at each step.
 * Expected: a masked send sets only the pending bit; unmask then sets selector and upcall_pending and
 *           delivers at once when open; a second send while pending changes nothing; one upcall for many
 *           sends.
 * Xen:      the same.
 */
#include "tests/guests/framework/guest.h"

static void check_masked(evtchn_port_t port)
{
    vcpu_info_t *info = this_cpu()->info;

    info->evtchn_upcall_pending = 0;
    info->evtchn_pending_sel = 0;
    CHECK_EQ(event_send(port), 0);
    CHECK(event_pending(port));
    CHECK_EQ(info->evtchn_upcall_pending, 0);
    CHECK_EQ(info->evtchn_pending_sel, 0);
    event_unmask(port);
    CHECK_EQ(info->evtchn_upcall_pending, 1);
    CHECK_EQ(info->evtchn_pending_sel, 1ul << (port / 64));
    CHECK_EQ((shared_info->evtchn_mask[port / 64] >> (port % 64)) & 1, 0);
}

static void test(void)
{
    long port = event_bind_ipi(0);
    struct evtchn_status status;
    unsigned long upcalls = this_cpu()->upcalls;

    CHECK(port > 0);
    CHECK_EQ(event_status((evtchn_port_t)port, &status), 0);
    CHECK_EQ(status.status, EVTCHNSTAT_ipi);
    check_masked((evtchn_port_t)port);
    event_reset_counts();
    CHECK_EQ(event_send((evtchn_port_t)port), 0);
    CHECK_EQ(this_cpu()->upcalls, upcalls);
    event_enable();
    CHECK_EQ(this_cpu()->upcalls, upcalls + 1);
    CHECK_EQ(event_counts[port], 1);
    CHECK(!event_pending((evtchn_port_t)port));
    for (unsigned int i = 0; i < 10; i++)
        CHECK_EQ(event_send((evtchn_port_t)port), 0);
    CHECK_EQ(event_counts[port], 11);
    event_disable();
    CHECK_EQ(event_bind_ipi(4000), -XEN_ENOENT);
    CHECK_EQ(event_bind_ipi(~0u), -XEN_ENOENT);
    CHECK_EQ(event_close((evtchn_port_t)port), 0);
}

GUEST_TEST(test);
