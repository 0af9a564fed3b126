/* SPDX-License-Identifier: MIT */
/*
 * Local APIC. Interrupts are sent to physical destinations only. Without interrupt remapping an I/O APIC or
 * MSI reaches APIC ids below 255, so x2APIC mode is taken when firmware already uses it, when a CPU's id
 * needs it, or when x2apic=yes asks for it.
 */
#include "hv/cpu/apic.h"
#include "hv/cpu/cpuid.h"
#include "hv/cpu/current.h"
#include "hv/cpu/insn.h"
#include "hv/cpu/ipi.h"
#include "hv/cpu/msr_index.h"
#include "hv/cpu/time.h"
#include "hv/cpu/trap.h"
#include "hv/cpu/xen_guest.h"
#include "hv/io/acpi.h"
#include "hv/io/console.h"
#include "hv/lib/bug.h"
#include "hv/lib/cmdline.h"
#include "hv/lib/errno.h"
#include "hv/lib/parse.h"
#include "hv/mm/paging.h"

/* Registers: offset in the xAPIC page; the x2APIC MSR is MSR_X2APIC_FIRST + offset / 16 (SDM Vol. 3 table
 * 11-6). */
#define APIC_ID         0x020
#define APIC_VERSION    0x030
#define APIC_TPR        0x080
#define APIC_EOI        0x0b0
#define APIC_SVR        0x0f0
#define APIC_ESR        0x280
#define APIC_ICR        0x300
#define APIC_ICR_HIGH   0x310 /* xAPIC only */
#define APIC_LVT_CMCI   0x2f0
#define APIC_LVT_TIMER  0x320
#define APIC_LVT_THERM  0x330
#define APIC_LVT_PERF   0x340
#define APIC_LVT_LINT0  0x350
#define APIC_LVT_LINT1  0x360
#define APIC_LVT_ERROR  0x370
#define APIC_TIMER_INIT 0x380
#define APIC_TIMER_NOW  0x390
#define APIC_TIMER_DIV  0x3e0

#define BASE_ENABLE  BIT(11)
#define BASE_X2APIC  BIT(10)
#define BASE_ADDRESS 0x000ffffffffff000ULL

#define SVR_ENABLE   0x100
#define LVT_MASKED   0x10000
#define LVT_NMI      0x400
#define LVT_LOW      0x2000
#define LVT_LEVEL    0x8000
#define LVT_DEADLINE 0x40000
#define ICR_NMI      0x400
#define ICR_INIT     0x500
#define ICR_STARTUP  0x600
#define ICR_BUSY     0x1000
#define ICR_ASSERT   0x4000
#define DIV_BY_1     0xb

/* About a millisecond: an xAPIC that stays busy longer has lost the message. */
#define ICR_POLLS 100000

uint32_t cpu_apic_id[NR_CPUS];

static bool x2apic_mode __ro_after_init;
static volatile uint32_t *xapic __ro_after_init;
static bool deadline_mode __ro_after_init;
/* Timer counts per TSC tick, as a fraction of 2^32; without deadline_mode. */
static uint64_t timer_per_tsc __ro_after_init;

static enum { X2APIC_AUTO, X2APIC_ON, X2APIC_OFF } x2apic_option;

static int __init parse_x2apic(const char *value)
{
    bool on = true;

    if (*value != '\0' && !parse_bool(value, &on))
        return -EINVAL;
    x2apic_option = on ? X2APIC_ON : X2APIC_OFF;
    return 0;
}
custom_param("x2apic", parse_x2apic, "x2apic=<yes|no>");

static uint32_t reg_read(unsigned int reg)
{
    return x2apic_mode ? (uint32_t)rdmsr(MSR_X2APIC_FIRST + reg / 16) : xapic[reg / 4];
}

static void reg_write(unsigned int reg, uint32_t v)
{
    if (x2apic_mode)
        wrmsr(MSR_X2APIC_FIRST + reg / 16, v);
    else
        xapic[reg / 4] = v;
}

static bool want_x2apic(uint64_t base)
{
    uint32_t highest = 0;

    if (!host_cpu.x2apic)
        return false;
    if (base &
        BASE_X2APIC) /* the way back leads through a reset of the APIC, which firmware may have locked */
        return true;
    for (uint32_t i = 0; i < acpi_info.nr_cpus; i++)
        highest = max(highest, acpi_info.cpu[i].apic_id);
    /* In a guest no instruction is to be decoded at each exit then, and there is no I/O APIC. */
    if (xen_guest && x2apic_option == X2APIC_AUTO)
        return true;
    return x2apic_option == X2APIC_ON || (x2apic_option == X2APIC_AUTO && highest >= 255);
}

/* The inputs LINT0 and LINT1: masked, but for what the MADT names as NMI sources of this CPU. */
static void program_lint(void)
{
    uint32_t id = apic_id(), uid = ACPI_ALL_CPUS;

    reg_write(APIC_LVT_LINT0, LVT_MASKED);
    reg_write(APIC_LVT_LINT1, LVT_MASKED);
    for (uint32_t i = 0; i < acpi_info.nr_cpus; i++)
        if (acpi_info.cpu[i].apic_id == id)
            uid = acpi_info.cpu[i].uid;
    for (uint32_t i = 0; i < acpi_info.nr_nmis; i++) {
        const struct acpi_nmi *n = &acpi_info.nmi[i];

        if (n->uid == ACPI_ALL_CPUS || n->uid == uid)
            reg_write(n->lint ? APIC_LVT_LINT1 : APIC_LVT_LINT0,
                      LVT_NMI | (n->active_low ? LVT_LOW : 0) | (n->level ? LVT_LEVEL : 0));
    }
}

static void program_timer(void)
{
    reg_write(APIC_TIMER_INIT, 0);
    reg_write(APIC_TIMER_DIV, DIV_BY_1);
    reg_write(APIC_LVT_TIMER, VECTOR_TIMER | (deadline_mode ? LVT_DEADLINE : 0));
    /* The write of the LVT must be seen before the first one of the deadline (SDM Vol. 3 §11.5.4.1). */
    __asm__ volatile("mfence" ::: "memory");
    if (deadline_mode)
        wrmsr(MSR_TSC_DEADLINE, 0);
}

void apic_init_cpu(void)
{
    uint64_t base = rdmsr(MSR_APIC_BASE);
    unsigned int highest_lvt;

    if (x2apic_mode) {
        wrmsr(MSR_APIC_BASE, base | BASE_ENABLE);
        wrmsr(MSR_APIC_BASE, base | BASE_ENABLE | BASE_X2APIC);
    } else {
        wrmsr(MSR_APIC_BASE, base | BASE_ENABLE);
    }
    highest_lvt = (reg_read(APIC_VERSION) >> 16) & 0xff;
    reg_write(APIC_TPR, 0);
    reg_write(APIC_SVR, SVR_ENABLE | VECTOR_SPURIOUS);
    program_timer();
    program_lint();
    if (highest_lvt >= 4)
        reg_write(APIC_LVT_PERF, LVT_MASKED);
    if (highest_lvt >= 5)
        reg_write(APIC_LVT_THERM, LVT_MASKED);
    if (highest_lvt >= 6)
        reg_write(APIC_LVT_CMCI, LVT_MASKED);
    reg_write(APIC_ESR, 0);
    reg_write(APIC_LVT_ERROR, VECTOR_APIC_ERROR);
}

static void error_interrupt(uint8_t vector __unused)
{
    uint32_t esr;

    reg_write(APIC_ESR, 0); /* latches the errors since the last write */
    esr = reg_read(APIC_ESR);
    apic_eoi();
    printk(LOG_GUEST LOG_WARNING "CPU%u: local APIC error, ESR %#x\n", this_cpu_id(), esr);
}

void __init apic_init_boot(void)
{
    uint64_t base = rdmsr(MSR_APIC_BASE);

    x2apic_mode = want_x2apic(base);
    if (!x2apic_mode && (base & BASE_X2APIC))
        panic("The local APIC is in x2APIC mode but the CPU does not report x2APIC\n");
    if (!x2apic_mode) {
        xapic = ioremap(base & BASE_ADDRESS, PAGE_SIZE);
        if (xapic == NULL)
            panic("No memory to map the local APIC\n");
    }
    set_irq_vector_handler(VECTOR_APIC_ERROR, error_interrupt);
    apic_init_cpu();
    cpu_apic_id[0] = apic_id();
    if (x2apic_option == X2APIC_ON && !x2apic_mode)
        printk(LOG_WARNING "x2apic=yes: this CPU has no x2APIC mode\n");
    printk(LOG_INFO "Local APIC in %s mode, id %u\n", x2apic_mode ? "x2APIC" : "xAPIC", cpu_apic_id[0]);
}

uint32_t apic_id(void)
{
    uint32_t id = reg_read(APIC_ID);

    return x2apic_mode ? id : id >> 24;
}

void apic_eoi(void)
{
    reg_write(APIC_EOI, 0);
}

/* A write of what the register holds already. */
void apic_recheck(void)
{
    reg_write(APIC_SVR, SVR_ENABLE | VECTOR_SPURIOUS);
}

static void icr_write(uint32_t dest, uint32_t low)
{
    if (x2apic_mode) {
        /* Unlike a store to the xAPIC, the MSR write does not wait for earlier stores (SDM Vol. 3 §11.12.3).
         */
        __asm__ volatile("mfence; lfence" ::: "memory");
        wrmsr(MSR_X2APIC_FIRST + APIC_ICR / 16, (uint64_t)dest << 32 | low);
        return;
    }
    for (unsigned int polls = 0; (reg_read(APIC_ICR) & ICR_BUSY) && polls < ICR_POLLS; polls++)
        __asm__ volatile("pause");
    reg_write(APIC_ICR_HIGH, dest << 24);
    reg_write(APIC_ICR, low);
}

void apic_send_ipi(unsigned int cpu, uint8_t vector)
{
    icr_write(cpu_apic_id[cpu], ICR_ASSERT | vector);
}

void apic_send_nmi(unsigned int cpu)
{
    icr_write(cpu_apic_id[cpu], ICR_ASSERT | ICR_NMI);
}

void apic_send_init(uint32_t dest_apic_id)
{
    icr_write(dest_apic_id, ICR_ASSERT | ICR_INIT);
}

void apic_send_startup(uint32_t dest_apic_id, uint8_t page)
{
    icr_write(dest_apic_id, ICR_ASSERT | ICR_STARTUP | page);
}

/* One reading of the timer's count and the TSC at the same moment, as near as the machine lets us; returns
 * how far apart they may be. */
static uint64_t sample_timer(uint64_t *tsc, uint32_t *count)
{
    uint64_t best = UINT64_MAX;

    for (unsigned int i = 0; i < 10; i++) {
        uint64_t before = rdtsc_ordered();
        uint32_t now = reg_read(APIC_TIMER_NOW);
        uint64_t gap = rdtsc_ordered() - before;

        if (gap < best) {
            best = gap;
            *tsc = before + gap / 2;
            *count = now;
        }
    }
    return best;
}

/* Measures the one-shot timer against the TSC over 2 ms. */
static void __init calibrate_timer(void)
{
    uint64_t tsc0, tsc1, ticks;
    uint32_t count0, count1;

    reg_write(APIC_LVT_TIMER, LVT_MASKED | VECTOR_TIMER);
    reg_write(APIC_TIMER_DIV, DIV_BY_1);
    reg_write(APIC_TIMER_INIT, UINT32_MAX);
    sample_timer(&tsc0, &count0);
    while (rdtsc_ordered() - tsc0 < tsc_khz * 2)
        __asm__ volatile("pause");
    sample_timer(&tsc1, &count1);
    reg_write(APIC_TIMER_INIT, 0);
    ticks = count0 - count1;
    if (ticks == 0 || tsc1 <= tsc0)
        panic("The local APIC's timer does not count\n");
    timer_per_tsc = (ticks << 32) / (tsc1 - tsc0);
    printk(LOG_INFO "Local APIC timer runs at %llu kHz\n",
           (unsigned long long)((timer_per_tsc * (tsc_khz >> 8)) >> 24));
}

void __init apic_timer_init(void)
{
    deadline_mode = host_cpu.tsc_deadline;
    if (!deadline_mode && timer_per_tsc == 0)
        calibrate_timer();
    program_timer();
}

void apic_timer_set(uint64_t tsc_deadline)
{
    uint64_t now, delta, ticks;

    if (deadline_mode) {
        wrmsr(MSR_TSC_DEADLINE, tsc_deadline);
        return;
    }
    if (tsc_deadline == 0) {
        reg_write(APIC_TIMER_INIT, 0);
        return;
    }
    now = rdtsc();
    delta = tsc_deadline > now ? min(tsc_deadline - now, (uint64_t)UINT32_MAX) : 0;
    /* Too early is harmless: who finds nothing expired arms it again. */
    ticks = ((delta * timer_per_tsc) >> 32) + 1;
    reg_write(APIC_TIMER_INIT, (uint32_t)min(ticks, (uint64_t)UINT32_MAX));
}
