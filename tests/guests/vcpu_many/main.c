/* SPDX-License-Identifier: MIT */
/*
 * vcpu_many: every vCPU of the domain runs at the same time.
 *
 * What:     as many vCPUs as there are (up to 64), each with its own vcpu_info where shared_info has no
 *           slot.
 * Why:      limits: 32 legacy slots, masks of one word.
 * Method:   register areas for vCPUs above 31, start all, let each send an event to vCPU 0 and count
 *           itself.
 * Expected: all arrive; without a registered area a vCPU above 31 cannot be initialised.
 * Xen:      the same: -EINVAL.
 */
#include "tests/guests/framework/guest.h"

static uint8_t areas[MAX_CPUS][64] __attribute__((aligned(4096)));
static volatile unsigned int arrived;
static evtchn_port_t port;

static void arrive(void *unused)
{
    (void)unused;
    __atomic_fetch_add(&arrived, 1, __ATOMIC_SEQ_CST);
    event_send(port);
}

static void register_area(unsigned int cpu)
{
    static struct vcpu_guest_context empty;
    struct vcpu_register_vcpu_info op = { .mfn = va_to_mfn(areas[cpu]),
                                          .offset = (uint32_t)(cpu * 64 % PAGE_SIZE) };

    if (cpu_of(cpu)->info)
        return;
    CHECK_EQ(hc_vcpu(VCPUOP_initialise, cpu, &empty), -XEN_EINVAL);
    CHECK_EQ(hc_vcpu(VCPUOP_register_vcpu_info, cpu, &op), 0);
    cpu_of(cpu)->info = (vcpu_info_t *)areas[cpu];
}

static void test(void)
{
    unsigned int count = smp_count();

    port = (evtchn_port_t)event_bind_ipi(0);
    for (unsigned int cpu = XEN_LEGACY_MAX_VCPUS; cpu < count; cpu++)
        register_area(cpu);
    for (unsigned int cpu = 1; cpu < count; cpu++)
        smp_start(cpu, arrive, NULL);
    for (unsigned int cpu = 1; cpu < count; cpu++)
        smp_wait(cpu);
    CHECK_EQ(arrived, count - 1);
    CHECK_EQ(event_pending(port), count > 1);
    event_close(port);
}

GUEST_TEST(test);
