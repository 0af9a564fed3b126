/* SPDX-License-Identifier: MIT */
#include "hv/io/debug_keys.h"
#include "hv/cpu/crash.h"
#include "hv/cpu/current.h"
#include "hv/cpu/ipi.h"
#include "hv/cpu/timer.h"
#include "hv/cpu/trace.h"
#include "hv/domain/domain.h"
#include "hv/domain/dump.h"
#include "hv/io/console.h"
#include "hv/lib/bug.h"

#define KEYS 128

static struct {
    void (*fn)(char key);
    const char *desc;
} keys[KEYS];

void debug_key_register(char key, void (*fn)(char key), const char *desc)
{
    ASSERT(key > ' ' && (unsigned char)key < KEYS);
    keys[(unsigned char)key].fn = fn;
    keys[(unsigned char)key].desc = desc;
}

void debug_key_press(char key)
{
    unsigned char k = (unsigned char)key;

    if (k == '\r' || k == '\n')
        return;
    if (k >= KEYS || keys[k].fn == NULL)
        printk("No debug key '%c': 'h' lists them\n", k > ' ' && k < 0x7f ? key : '?');
    else
        keys[k].fn(key);
}

static void show_help(char key __unused)
{
    printk("Debug keys:\n");
    for (unsigned int k = 0; k < KEYS; k++)
        if (keys[k].fn != NULL)
            printk("  %c  %s\n", (char)k, keys[k].desc);
}

static void show_cpu(void *arg __unused)
{
    const struct vcpu *v = current;

    if (v->is_idle)
        printk("CPU%u is idle\n", this_cpu_id());
    else
        show_registers(guest_regs());
}

static void show_cpus(char key __unused)
{
    unsigned int cpu;

    /* One after the other, so that the CPUs' lines do not mix. */
    for_each_cpu (cpu, cpu_online_map.bits)
        on_cpus((cpumask_t){ BIT(cpu) }, show_cpu, NULL);
}

static void show_trace(char key __unused)
{
    trace_dump_recent(32);
}

static void show_whole_trace(char key __unused)
{
    trace_dump_recent(~0U);
    domain_show_counts();
}

static void show_timers(char key __unused)
{
    timer_dump();
}

static void reboot(char key __unused)
{
    printk("Reboot by debug key\n");
    machine_reboot();
}

static void crash(char key __unused)
{
    bug(__FILE__, __LINE__, "crash by debug key");
}

void debug_keys_init(void)
{
    debug_key_register('h', show_help, "this list");
    debug_key_register('d', show_cpus, "registers of what each CPU runs");
    debug_key_register('t', show_trace, "newest trace records");
    debug_key_register('T', show_whole_trace, "all trace records, for run/trace.py");
    debug_key_register('a', show_timers, "timers");
    debug_key_register('R', reboot, "reboot the machine");
    debug_key_register('C', crash, "crash the hypervisor");
}
