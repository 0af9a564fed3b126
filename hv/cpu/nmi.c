/* SPDX-License-Identifier: MIT */
#include "hv/cpu/nmi.h"
#include "hv/cpu/apic.h"
#include "hv/cpu/current.h"
#include "hv/cpu/insn.h"
#include "hv/io/console.h"
#include "hv/lib/atomic.h"
#include "hv/lib/cpumask.h"

bool (*nmi_watchdog_tick)(const struct regs *r);

static cpumask_t stop_requested; /* CPUs that must halt at their next NMI */
static cpumask_t stopped;

static void __noreturn stop_here(void)
{
    cpumask_set(&stopped, this_cpu_id());
    for (;;)
        __asm__ volatile("cli; hlt");
}

void nmi_handle(struct regs *r)
{
    if (cpumask_test(&stop_requested, this_cpu_id()))
        stop_here();
    if (nmi_watchdog_tick && nmi_watchdog_tick(r))
        return;
    printk(LOG_WARNING "CPU%u: NMI for unknown reason, port 0x61 says %#x\n", this_cpu_id(), inb(0x61));
}

void nmi_stop_others(void)
{
    unsigned int cpu, me = this_cpu_id();
    uint64_t others = cpu_online_map.bits & ~BIT(me);

    stop_requested.bits = others;
    smp_mb();
    for_each_cpu (cpu, others)
        apic_send_nmi(cpu);
    /* A CPU whose NMIs are blocked cannot answer: do not wait for ever. */
    for (unsigned int spin = 0; spin < 100000000 && (stopped.bits & others) != others; spin++)
        cpu_relax();
}
