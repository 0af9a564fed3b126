/* SPDX-License-Identifier: MIT */
/*
 * callback_op: registration of all callback types, and set_callbacks.
 *
 * What:     event, failsafe, syscall, syscall32, sysenter, NMI; unregister; bad types and addresses;
 *           hypercall 4.
 * Why:      XTF and Linux insist on 0 for those they use.
 * Method:   register each, refuse non-canonical addresses and unknown types, change the event callback
 *           and see it used.
 * Expected: -EINVAL for non-canonical addresses; -ENOSYS for unknown types; only NMI can be
 *           unregistered; set_callbacks returns 0 always and ignores what it cannot use.
 * Xen:      the same.
 */
#include "tests/guests/framework/guest.h"

static const uint16_t types[] = { CALLBACKTYPE_event, CALLBACKTYPE_failsafe, CALLBACKTYPE_syscall,
                                  CALLBACKTYPE_syscall32, CALLBACKTYPE_sysenter };

static long reg(uint16_t type, uint64_t address, uint16_t flags)
{
    struct callback_register cb = { .type = type, .flags = flags, .address = address };

    return hc_callback(CALLBACKOP_register, &cb);
}

static long unreg(uint16_t type)
{
    struct callback_unregister cb = { .type = type };

    return hc_callback(CALLBACKOP_unregister, &cb);
}

static unsigned int stub_hits;

static bool on_stub(struct cpu_regs *regs)
{
    (void)regs;
    stub_hits++;
    event_upcall();
    return true;
}

static void test(void)
{
    evtchn_port_t port = (evtchn_port_t)event_bind_ipi(0);

    for (unsigned int i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        CHECK_EQ(reg(types[i], 0x0000800000000000, 0), -XEN_EINVAL);
        CHECK_EQ(reg(types[i], trap_stub(0x95), 0), 0);
        CHECK_EQ(unreg(types[i]), -XEN_EINVAL);
    }
    CHECK_EQ(reg(99, trap_stub(0x95), 0), -XEN_ENOSYS);
    CHECK_EQ(unreg(99), -XEN_ENOSYS);
    CHECK_EQ(unreg(CALLBACKTYPE_nmi), 0);
    trap_hook(0x95, on_stub);
    event_unmask(port);
    event_enable();
    CHECK_EQ(event_send(port), 0);
    CHECK_EQ(stub_hits, 1);
    CHECK_EQ(hypercall3(__HYPERVISOR_set_callbacks, upcall_entry, failsafe_entry, syscall_entry), 0);
    CHECK_EQ(event_send(port), 0);
    CHECK_EQ(stub_hits, 1);
    CHECK_EQ(hypercall3(__HYPERVISOR_set_callbacks, 0x0000800000000000, failsafe_entry, syscall_entry), 0);
    CHECK_EQ(event_send(port), 0);
    event_disable();
    event_close(port);
}

GUEST_TEST(test);
