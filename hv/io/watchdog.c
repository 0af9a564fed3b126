/* SPDX-License-Identifier: MIT */
#include "hv/io/watchdog.h"
#include "hv/cpu/crash.h"
#include "hv/cpu/current.h"
#include "hv/cpu/insn.h"
#include "hv/cpu/nmi.h"
#include "hv/cpu/time.h"
#include "hv/cpu/timer.h"
#include "hv/io/console.h"
#include "hv/io/debug_keys.h"
#include "hv/io/ioapic.h"
#include "hv/io/irq.h"
#include "hv/lib/atomic.h"
#include "hv/lib/cpumask.h"
#include "hv/lib/cmdline.h"

#define PIT_COMMAND  0x43
#define PIT_CHANNEL0 0x40
#define PIT_PERIODIC 0x34 /* channel 0, both bytes, mode 2 */
#define PIT_HZ       18   /* at the longest period, 65536 */
#define NMI_STATUS   0x61
#define NMI_FAULTS   0xc0 /* memory parity, I/O channel check */

#define HEARTBEAT_NS 1000000000ULL
#define PROBE_NS     1000000000ULL

static bool opt_watchdog;
boolean_param("watchdog", opt_watchdog);
static uint32_t opt_watchdog_timeout = 5;
integer_param("watchdog_timeout", opt_watchdog_timeout);

static DEFINE_PER_CPU(struct timer, heartbeat);
static DEFINE_PER_CPU(uint32_t, ticks_missed); /* NMIs since the last heartbeat */
/* Watched from the first heartbeat on: the boot CPU builds the domains first, however long that takes. */
static DEFINE_PER_CPU(bool, beating);
static struct timer hang_timer;

static void beat(void *arg __unused)
{
    WRITE_ONCE(this_cpu(ticks_missed), 0);
    this_cpu(beating) = true;
    timer_set(&this_cpu(heartbeat), now_ns() + HEARTBEAT_NS);
}

/* On the NMI stack. NMIs are counted, not time: a machine that was stopped as a whole has missed none. The
 * next heartbeat is due a second after the last one, and late from then on. */
static bool tick(const struct regs *r)
{
    if (inb(NMI_STATUS) & NMI_FAULTS)
        return false;
    if (++this_cpu(ticks_missed) > (opt_watchdog_timeout + 1ULL) * PIT_HZ && this_cpu(beating))
        fatal_trap(r, "watchdog: this CPU is stuck");
    return true;
}

/* The line is the watchdog's as NMI; as an interrupt it never comes. */
static void unused_interrupt(void *arg __unused)
{
}

static bool start_nmis(void)
{
    unsigned int gsi = irq_isa_to_gsi(0);
    uint64_t end;

    if (irq_request_isa(0, unused_interrupt, NULL))
        return false;
    nmi_watchdog_tick = tick;
    ioapic_set_route(gsi, &(struct ioapic_route){ .nmi = true, .dest = IOAPIC_ALL_CPUS });
    outb(PIT_COMMAND, PIT_PERIODIC);
    outb(PIT_CHANNEL0, 0);
    outb(PIT_CHANNEL0, 0);
    for (end = now_ns() + PROBE_NS; now_ns() < end && READ_ONCE(this_cpu(ticks_missed)) == 0;)
        cpu_relax();
    if (READ_ONCE(this_cpu(ticks_missed)) != 0)
        return true;
    ioapic_mask(gsi, true);
    nmi_watchdog_tick = NULL;
    return false;
}

static void hang(void *arg __unused)
{
    printk("CPU%u hangs on purpose\n", this_cpu_id());
    for (;;)
        cpu_relax();
}

/* On another CPU if there is one, so that its report can be told from the one that got the key. */
static void hang_cpu(char key __unused)
{
    timer_init(&hang_timer, hang, NULL, bit_highest(cpu_online_map.bits));
    timer_set(&hang_timer, now_ns());
}

void watchdog_init(void)
{
    unsigned int cpu;

    debug_key_register('W', hang_cpu, "hang a CPU (what the watchdog should find)");
    if (!opt_watchdog || !opt_watchdog_timeout)
        return;
    if (!start_nmis()) {
        printk(LOG_WARNING "watchdog: no NMIs from the PIT by the I/O APIC: it stays off\n");
        return;
    }
    for_each_cpu (cpu, cpu_online_map.bits) {
        timer_init(&per_cpu(heartbeat, cpu), beat, NULL, cpu);
        timer_set(&per_cpu(heartbeat, cpu), now_ns());
    }
    printk(LOG_INFO "watchdog: a CPU that is stuck for %u seconds will be reported\n", opt_watchdog_timeout);
}
