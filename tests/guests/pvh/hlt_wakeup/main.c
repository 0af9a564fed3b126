/* SPDX-License-Identifier: MIT */
/*
 * hlt_wakeup: what comes between sti and hlt wakes the hlt.
 *
 * What:     timers that end at each instant around `sti; hlt`.
 * Why:      sti holds interrupts back for one instruction, so that a kernel can look for work and then sleep
 * without a gap; a hypervisor that delivers in the gap makes it sleep through its wake-up. Method:   close,
 * arm a single-shot timer, and sleep if it has not come; deadlines grow by a nanosecond, which is an
 *           instruction where the emulator counts them.
 * Expected: the test ends: nothing else would wake it.
 * Xen:      the same; not run there, where QEMU's vmrun forgets the shadow.
 */
#include "tests/guests/framework/guest.h"

#define NEAREST 500u
#define TRIES   6000u

static void test(void)
{
    evtchn_port_t port = (evtchn_port_t)event_bind_virq(VIRQ_TIMER, 0);

    CHECK_EQ(hc_vcpu(VCPUOP_stop_periodic_timer, 0, 0), 0);
    event_reset_counts();
    event_unmask(port);
    for (unsigned int i = 0; i < TRIES; i++) {
        struct vcpu_set_singleshot_timer timer = { .timeout_abs_ns = clock_now() + NEAREST + i };

        event_disable();
        CHECK_EQ(hc_vcpu(VCPUOP_set_singleshot_timer, 0, &timer), 0);
        while (!event_counts[port]) {
            event_block();
            event_disable();
        }
        event_counts[port] = 0;
    }
    event_close(port);
}

GUEST_TEST(test);
