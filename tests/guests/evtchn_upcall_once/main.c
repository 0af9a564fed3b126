/* SPDX-License-Identifier: MIT */
/*
 * evtchn_upcall_once: an event makes one upcall, and none comes while the vCPU is closed to them.
 *
 * What:     many sends to an open port of the same vCPU; the number of upcalls, and the state they
 * interrupted. Why:      an upcall that is delivered twice finds the first one's handler at its first
 * instruction, where no kernel expects it (QEMU's vmrun once did that: hv/hvm/svm.c). Method:   send, and
 * count in a hook of the upcall; the CPU is disturbed by whatever the machine does meanwhile. Expected: as
 * many upcalls as sends, each from an open state. Xen:      the same; not run as a hardware guest there,
 * where QEMU delivers some twice.
 */
#include "tests/guests/framework/guest.h"

#define SENDS 200000

static unsigned long while_closed;

static bool on_upcall(struct cpu_regs *regs)
{
    if (!(regs->rflags & EFLAGS_IF) || (regs->saved_mask & 0xff))
        while_closed++;
    return false;
}

static void test(void)
{
    evtchn_port_t port = (evtchn_port_t)event_bind_ipi(0);
    unsigned long before = this_cpu()->upcalls;

    while_closed = 0;
    trap_hook(TRAP_UPCALL, on_upcall);
    event_unmask(port);
    event_reset_counts();
    event_enable();
    for (unsigned int i = 0; i < SENDS; i++)
        event_send(port);
    event_disable();
    CHECK_EQ(this_cpu()->upcalls, before + SENDS);
    CHECK_EQ(event_counts[port], SENDS);
    CHECK_EQ(while_closed, 0);
    event_close(port);
}

GUEST_TEST(test);
