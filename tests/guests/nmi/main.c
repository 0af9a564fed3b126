/* SPDX-License-Identifier: MIT */
/*
 * nmi: VCPUOP_send_nmi and the NMI callback.
 *
 * What:     delivery as vector 2 in spite of a closed upcall mask, blocking until iret, one pending NMI
 *           behind.
 * Why:      backtraces of hung vCPUs; nested NMIs would overwrite the handler's state.
 * Method:   send to itself from normal code and from inside the handler; look at depth and count.
 * Expected: the handler runs with upcalls masked by its gate; a second NMI waits for the iret hypercall
 *           and then comes once.
 * Xen:      the same; -ENOENT for vCPUs that do not exist.
 */
#include "tests/guests/framework/guest.h"

static unsigned int count, depth, worst_depth;

static bool on_nmi(struct cpu_regs *regs)
{
    (void)regs;
    depth++;
    worst_depth = depth > worst_depth ? depth : worst_depth;
    if (count++ == 0) {
        hc_vcpu(VCPUOP_send_nmi, 0, 0);
        hc_vcpu(VCPUOP_send_nmi, 0, 0);
        hc_xen_version(XENVER_version, 0);
    }
    depth--;
    return true;
}

static void test(void)
{
    struct trap_info gate[2] = {
        { .vector = VEC_NMI, .flags = 4, .cs = FLAT_KERNEL_CS, .address = trap_stub(VEC_NMI) }
    };

    CHECK_EQ(hc_set_trap_table(gate), 0);
    trap_hook(VEC_NMI, on_nmi);
    CHECK_EQ(hc_vcpu(VCPUOP_send_nmi, 0, 0), 0);
    CHECK_EQ(count, 2);
    CHECK_EQ(worst_depth, 1);
    CHECK_EQ(hc_vcpu(VCPUOP_send_nmi, 0, 0), 0);
    CHECK_EQ(count, 3);
    CHECK_EQ(hc_vcpu(VCPUOP_send_nmi, 4000, 0), -XEN_ENOENT);
}

GUEST_TEST(test);
