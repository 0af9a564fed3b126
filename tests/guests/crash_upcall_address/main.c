/* SPDX-License-Identifier: MIT */
/*
 * crash_upcall_address: an event with no event callback.
 *
 * What:     the event callback registered as address 0.
 * Why:      an upcall has nowhere to go.
 * Method:   register 0, open the mask, send an event to itself.
 * Expected: the domain is crashed.
 * Xen:      "domain_crash_sync called from entry.S".
 */
#include "tests/guests/framework/guest.h"

static void test(void)
{
    struct callback_register cb = { .type = CALLBACKTYPE_event, .address = 0 };
    evtchn_port_t port = (evtchn_port_t)event_bind_ipi(0);

    hc_callback(CALLBACKOP_register, &cb);
    event_unmask(port);
    this_cpu()->info->evtchn_upcall_mask = 0;
    event_send(port);
}

CRASH_TEST(test, "domain_crash_sync called|no handler|vector");
