/* SPDX-License-Identifier: MIT */
/* Plain hypercalls. */
#include "tests/bench/guest/bench.h"
#include "tests/guests/framework/guest.h"

static void bench_multicall(void)
{
    static multicall_entry_t calls[8];

    for (unsigned int i = 0; i < 8; i++)
        calls[i] = (multicall_entry_t){ .op = __HYPERVISOR_xen_version, .args = { XENVER_version, 0 } };
    MEASURE("multicall_8_xen_version", 1000, page_call(__HYPERVISOR_multicall, (uint64_t)calls, 8, 0, 0));
}

static void bench_yield(void)
{
    uint64_t best = ~0ul, sum = 0;

    for (unsigned int i = 0; i < 1000; i++) {
        uint64_t start = bench_tsc(), took;

        page_call(__HYPERVISOR_sched_op, SCHEDOP_yield, 0, 0, 0);
        took = bench_tsc() - start;
        sum += took;
        if (took < best)
            best = took;
    }
    bench_report("yield_min", best);
    bench_report("yield_avg", sum / 1000);
}

void bench_calls(void)
{
    uint64_t start = bench_tsc();

    asm volatile("mov $1000000, %%ecx; 1: dec %%ecx; jnz 1b" : : : "ecx", "cc");
    bench_report("loop_2000000", bench_tsc() - start);
    MEASURE("xen_version", 1000, page_call(__HYPERVISOR_xen_version, XENVER_version, 0, 0, 0));
    MEASURE("unknown_hypercall", 1000, page_call(60, 0, 0, 0, 0));
    bench_multicall();
    bench_yield();
    MEASURE("set_timer_0", 1000, page_call(__HYPERVISOR_set_timer_op, 0, 0, 0, 0));
    MEASURE("set_timer_future", 1000, page_call(__HYPERVISOR_set_timer_op, 1ul << 50, 0, 0, 0));
    page_call(__HYPERVISOR_set_timer_op, 0, 0, 0, 0);
    MEASURE("vcpu_is_up", 1000, page_call(__HYPERVISOR_vcpu_op, VCPUOP_is_up, 0, 0, 0));
    MEASURE("stack_switch", 1000,
            page_call(__HYPERVISOR_stack_switch, FLAT_KERNEL_SS, (uint64_t)this_cpu() + CPU_TRAP_STACK_TOP, 0,
                      0));
    MEASURE("set_segment_base", 1000, page_call(__HYPERVISOR_set_segment_base, SEGBASE_FS, 0, 0, 0));
}
