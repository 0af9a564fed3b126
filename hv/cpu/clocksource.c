/* SPDX-License-Identifier: MIT */
#include "hv/cpu/clocksource.h"
#include "hv/cpu/insn.h"
#include "hv/io/acpi.h"
#include "hv/io/console.h"
#include "hv/mm/paging.h"

#define SAMPLES 20

/* HPET registers (IA-PC HPET specification 1.0a), offsets in bytes. */
#define HPET_PERIOD     0x004 /* femtoseconds per tick */
#define HPET_CONFIG     0x010
#define HPET_COUNTER    0x0f0
#define HPET_ENABLE     0x1
#define HPET_PERIOD_MAX 100000000
#define FEMTOSECONDS    1000000000000000ULL
#define PM_TIMER_HZ     3579545
#define PIT_HZ          1193182
#define PIT_CHANNEL2    0x42
#define PIT_COMMAND     0x43
#define PIT_GATE        0x61
#define GATE_ON         0x01
#define GATE_SPEAKER    0x02
#define GATE_OUT2       0x20

static volatile uint32_t *hpet;
static uint16_t pm_timer_port;

static void nothing_to_start(void)
{
}

static bool always_valid(void)
{
    return true;
}

static uint64_t hpet_read(void)
{
    return hpet[HPET_COUNTER / 4];
}

static struct clocksource hpet_source = {
    .name = "HPET", .mask = UINT32_MAX, .start = nothing_to_start, .read = hpet_read, .valid = always_valid
};

static uint64_t pm_timer_read(void)
{
    return inl(pm_timer_port);
}

/* Some chips have 24 bits, some 32: the lower 24 always count. */
static const struct clocksource pm_timer_source = { .name = "ACPI PM timer",
                                                    .hz = PM_TIMER_HZ,
                                                    .mask = 0xffffff,
                                                    .start = nothing_to_start,
                                                    .read = pm_timer_read,
                                                    .valid = always_valid };

/* Channel 2 counts down from 65535 once (mode 0), 55 ms; its output goes up at the end. */
static void pit_start(void)
{
    outb(PIT_GATE, (uint8_t)((inb(PIT_GATE) & ~GATE_SPEAKER) | GATE_ON));
    outb(PIT_COMMAND, 0xb0);
    outb(PIT_CHANNEL2, 0xff);
    outb(PIT_CHANNEL2, 0xff);
}

static uint64_t pit_read(void)
{
    uint8_t low;

    outb(PIT_COMMAND, 0x80); /* latch */
    low = inb(PIT_CHANNEL2);
    return (uint16_t) ~(low | inb(PIT_CHANNEL2) << 8);
}

static bool pit_valid(void)
{
    return !(inb(PIT_GATE) & GATE_OUT2);
}

static const struct clocksource pit_source = {
    .name = "PIT", .hz = PIT_HZ, .mask = 0xffff, .start = pit_start, .read = pit_read, .valid = pit_valid
};

/* A counter that is not there stands still (mostly at all ones). */
static bool counts(const struct clocksource *c)
{
    uint64_t first;

    c->start();
    first = c->read();
    for (unsigned int i = 0; i < 10000; i++)
        if (c->read() != first)
            return true;
    return false;
}

static bool __init hpet_probe(void)
{
    uint32_t period;

    if (acpi_info.hpet == 0)
        return false;
    if (!acpi_device_address_ok(acpi_info.hpet)) {
        printk("HPET at %#llx would lie in RAM: ignored\n", (unsigned long long)acpi_info.hpet);
        return false;
    }
    hpet = ioremap(acpi_info.hpet, PAGE_SIZE / 4);
    if (hpet == NULL)
        return false;
    period = hpet[HPET_PERIOD / 4];
    if (period == 0 || period > HPET_PERIOD_MAX) {
        printk("HPET at %#llx: a period of %u fs makes no sense: ignored\n",
               (unsigned long long)acpi_info.hpet, period);
        return false;
    }
    hpet[HPET_CONFIG / 4] |= HPET_ENABLE;
    hpet_source.hz = FEMTOSECONDS / period;
    return counts(&hpet_source);
}

const struct clocksource *__init clocksource_best(void)
{
    if (hpet_probe())
        return &hpet_source;
    pm_timer_port = acpi_info.pm_timer;
    if (pm_timer_port && counts(&pm_timer_source))
        return &pm_timer_source;
    return counts(&pit_source) ? &pit_source : NULL;
}

uint64_t clocksource_sample(const struct clocksource *c, uint64_t *tsc, uint64_t *count)
{
    uint64_t best = UINT64_MAX;

    for (unsigned int i = 0; i < SAMPLES; i++) {
        uint64_t before = rdtsc_ordered(), now = c->read(), gap = rdtsc_ordered() - before;

        if (gap < best) {
            best = gap;
            *tsc = before + gap / 2;
            *count = now;
        }
    }
    return best;
}
