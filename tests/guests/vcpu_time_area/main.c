/* SPDX-License-Identifier: MIT */
/*
 * vcpu_time_area: VCPUOP_register_vcpu_time_memory_area.
 *
 * What:     the secondary copy of vcpu_time_info.
 * Why:      Linux' vDSO clock.
 * Method:   register, compare the copy with the primary after blocking; unregister with NULL.
 * Expected: same system time as the primary, version even; after unregistering it does not change.
 * Xen:      the same.
 */
#include "tests/guests/framework/guest.h"

static struct vcpu_time_info area;

static void test(void)
{
    struct vcpu_register_time_memory_area reg;
    struct sched_poll poll = { .nr_ports = 0 };
    uint64_t a, b;
    uint32_t version;

    set_xen_guest_handle(reg.addr.h, &area);
    CHECK_EQ(hc_vcpu(VCPUOP_register_vcpu_time_memory_area, 0, &reg), 0);
    poll.timeout = clock_now() + MS;
    hc_sched(SCHEDOP_poll, &poll);
    CHECK_EQ(area.version & 1, 0);
    CHECK(area.tsc_to_system_mul);
    a = clock_now();
    b = clock_read(&area);
    CHECK(b >= a && b - a < 100 * MS);
    CHECK_EQ(hc_vcpu(VCPUOP_register_vcpu_time_memory_area, 4000, &reg), -XEN_ENOENT);
    CHECK_EQ(hc_vcpu(VCPUOP_register_vcpu_time_memory_area, 0, 0x10), -XEN_EFAULT);
    set_xen_guest_handle_raw(reg.addr.h, NULL);
    CHECK_EQ(hc_vcpu(VCPUOP_register_vcpu_time_memory_area, 0, &reg), 0);
    version = area.version;
    poll.timeout = clock_now() + MS;
    hc_sched(SCHEDOP_poll, &poll);
    CHECK_EQ(area.version, version);
}

GUEST_TEST(test);
