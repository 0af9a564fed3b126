/* SPDX-License-Identifier: MIT */
#include "tests/guests/framework/smp.h"
#include "tests/guests/framework/cpu.h"
#include "tests/guests/framework/hypercall.h"
#include "tests/guests/framework/memory.h"
#include "tests/guests/framework/print.h"
#include "tests/guests/framework/test.h"
#include "tests/guests/framework/trap.h"

#include <xen/vcpu.h>

void smp_main(void) __attribute__((noreturn));

unsigned int smp_count(void)
{
    unsigned int count = 1;

    while (count < MAX_CPUS && hc_vcpu(VCPUOP_is_up, count, 0) >= 0)
        count++;
    return count;
}

bool smp_is_running(unsigned int cpu)
{
    return hc_vcpu(VCPUOP_is_up, cpu, 0) == 1;
}

/* The life of a secondary vCPU: work, down, and on with the next work when somebody calls VCPUOP_up. */
void smp_main(void)
{
    struct cpu *cpu = this_cpu();

    for (;;) {
        trap_install();
        cpu->work(cpu->work_arg);
        hc_vcpu(VCPUOP_down, cpu->id, 0);
    }
}

static void initialise(unsigned int id)
{
    struct cpu *cpu = cpu_of(id);
    long ret;

    cpu->id = id;
    if (!cpu->info)
        cpu->info = &shared_info->vcpu_info[id];
    ret = smp_initialise(id, (uint64_t)cpu + CPU_AREA_SIZE);
    if (ret)
        test_abort("VCPUOP_initialise %u: %ld", id, ret);
    cpu->started = true;
}

void smp_start(unsigned int id, void (*fn)(void *), void *arg)
{
    struct cpu *cpu = cpu_of(id);
    long ret;

    cpu->work = fn;
    cpu->work_arg = arg;
    if (!cpu->started)
        initialise(id);
    ret = hc_vcpu(VCPUOP_up, id, 0);
    if (ret)
        test_abort("VCPUOP_up %u: %ld", id, ret);
}

void smp_wait(unsigned int cpu)
{
    while (smp_is_running(cpu))
        hc_sched(SCHEDOP_yield, 0);
}

void smp_run(unsigned int cpu, void (*fn)(void *), void *arg)
{
    smp_start(cpu, fn, arg);
    smp_wait(cpu);
}
