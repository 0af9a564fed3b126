/* SPDX-License-Identifier: MIT */
/*
 * System time is the TSC, scaled. Its rate is measured at boot against the HPET, or else the PIT. Every CPU
 * and every guest uses one line (tsc_boot, tsc_scale); where CPUs' TSCs are found apart, now_ns() is kept
 * monotonic by a global maximum and guests are not promised a stable TSC.
 */
#include "hv/cpu/time.h"
#include "hv/cpu/clocksource.h"
#include "hv/cpu/cpuid.h"
#include "hv/cpu/insn.h"
#include "hv/cpu/ipi.h"
#include "hv/cpu/rtc.h"
#include "hv/cpu/xen_guest.h"
#include "hv/io/console.h"
#include "hv/lib/muldiv.h"
#include "hv/lib/atomic.h"
#include "hv/lib/bug.h"
#include "hv/lib/cpumask.h"

#define NS_PER_S 1000000000ULL
#define WINDOWS  3
/* TSC frequencies that a machine can have, Hz. */
#define TSC_HZ_MIN 1000000ULL
#define TSC_HZ_MAX 16000000000ULL

uint64_t tsc_khz;
struct tsc_scale tsc_scale;

static uint64_t tsc_boot;   /* TSC at system time 0 */
static uint64_t tsc_per_ns; /* in units of 2^-30 */
static bool tsc_apart;      /* the CPUs' TSCs differ */
static uint64_t last_ns;    /* greatest time handed out, while tsc_apart */
static uint64_t wallclock_base;

/* ns for a number of TSC ticks. */
static uint64_t scale_tsc(uint64_t ticks)
{
    ticks = tsc_scale.shift < 0 ? ticks >> -tsc_scale.shift : ticks << tsc_scale.shift;
    return (uint64_t)(((unsigned __int128)ticks * tsc_scale.mul) >> 32);
}

uint64_t tsc_to_ns(uint64_t ticks)
{
    return scale_tsc(min(ticks, BIT(53)));
}

/* mul and shift with 2^31 <= mul < 2^32, so that ns = ((ticks << shift) * mul) >> 32. */
static struct tsc_scale scale_of_frequency(uint64_t hz)
{
    struct tsc_scale s = { .shift = 0 };

    for (; hz > 2 * NS_PER_S; hz >>= 1)
        s.shift--;
    for (; hz <= NS_PER_S; hz <<= 1)
        s.shift++;
    s.mul = (uint32_t)((NS_PER_S << 32) / hz);
    return s;
}

/* TSC frequency by one window on a reference clock, in Hz, 0 when it failed; *uncertainty: TSC ticks by which
 * the window may be off. */
static uint64_t __init measure_window(const struct clocksource *c, uint64_t *uncertainty)
{
    uint64_t tsc0, tsc1, count0, count1, ticks;

    c->start();
    *uncertainty = clocksource_sample(c, &tsc0, &count0);
    do {
        count1 = c->read();
        ticks = (count1 - count0) & c->mask;
    } while (ticks < c->hz / 100);
    *uncertainty += clocksource_sample(c, &tsc1, &count1);
    ticks = (count1 - count0) & c->mask;
    if (!c->valid() || tsc1 <= tsc0 || ticks < c->hz / 100)
        return 0;
    return mul_div(tsc1 - tsc0, c->hz, ticks);
}

/* The window with the least uncertainty counts: a host that is busy elsewhere spoils the others. */
static uint64_t __init measure_tsc(const struct clocksource *c)
{
    uint64_t best = UINT64_MAX, hz = 0;

    for (unsigned int good = 0, tries = 0; good < WINDOWS && tries < 3 * WINDOWS; tries++) {
        uint64_t uncertainty, measured = measure_window(c, &uncertainty);

        if (measured < TSC_HZ_MIN || measured > TSC_HZ_MAX)
            continue;
        good++;
        if (uncertainty < best) {
            best = uncertainty;
            hz = measured;
        }
    }
    return hz;
}

/* The TSC's frequency in Hz, by the best reference that there is; *by names it. */
static uint64_t __init find_frequency(const char **by)
{
    const struct clocksource *c;
    uint64_t hz;

    if (xen_guest) {
        *by = "outer hypervisor";
        hz = xen_guest_tsc_hz();
        if (hz < TSC_HZ_MIN || hz > TSC_HZ_MAX)
            panic("The outer hypervisor's clock makes no sense\n");
        return hz;
    }
    c = clocksource_best();
    if (c == NULL)
        panic("No HPET, PM timer or PIT to measure the CPU's clock with\n");
    hz = measure_tsc(c);
    if (hz == 0)
        panic("The CPU's clock cannot be measured with the %s\n", c->name);
    *by = c->name;
    return hz;
}

void __init time_init(void)
{
    const char *by;
    uint64_t hz = find_frequency(&by);

    tsc_khz = hz / 1000;
    tsc_scale = scale_of_frequency(hz);
    tsc_per_ns = (hz << 30) / NS_PER_S;
    tsc_boot = rdtsc_ordered();
    wallclock_base = xen_guest ? xen_guest_wallclock_ns() : rtc_read_seconds() * NS_PER_S;
    if (wallclock_base == 0)
        printk(LOG_WARNING "The real-time clock shows no date: the wall clock starts at 1970\n");
    printk(LOG_INFO "TSC runs at %llu.%03llu MHz by the %s%s\n", (unsigned long long)(hz / 1000000),
           (unsigned long long)(hz / 1000 % 1000), by, host_cpu.tsc_invariant ? ", invariant" : "");
}

/* Slow path of now_ns: no CPU may see time run backwards. */
static uint64_t monotonic(uint64_t ns)
{
    uint64_t last = READ_ONCE(last_ns);

    while (ns > last)
        if (atomic_cmpxchg(&last_ns, &last, ns))
            return ns;
    return last;
}

uint64_t now_ns(void)
{
    uint64_t ns = scale_tsc(rdtsc_ordered() - tsc_boot);

    return unlikely(tsc_apart) ? monotonic(ns) : ns;
}

uint64_t ns_to_tsc(uint64_t ns)
{
    uint64_t tsc = rdtsc(), now = scale_tsc(tsc - tsc_boot);

    if (ns <= now)
        return tsc;
    ns = min(ns - now, 1000000 * NS_PER_S); /* far future: who waits looks again then */
    return tsc + (uint64_t)(((unsigned __int128)ns * tsc_per_ns) >> 30) + 2;
}

/*
 * The line is published from its origin, not from now: a guest that extrapolates from a rounded system time
 * would see another vCPU's clock a nanosecond behind its own.
 */
void time_update_vcpu_info(struct vcpu_time_info *t)
{
    uint32_t version = (READ_ONCE(t->version) | 1) + 2;

    /* Odd while it changes (the guest may have left anything there). */
    WRITE_ONCE(t->version, version);
    smp_wmb();
    t->tsc_timestamp = tsc_boot;
    t->system_time = 0;
    t->tsc_to_system_mul = tsc_scale.mul;
    t->tsc_shift = tsc_scale.shift;
    t->flags = READ_ONCE(tsc_apart) ? 0 : XEN_PVCLOCK_TSC_STABLE_BIT;
    smp_wmb();
    WRITE_ONCE(t->version, version + 1);
}

uint64_t wallclock_base_ns(void)
{
    return READ_ONCE(wallclock_base);
}

void wallclock_set_base_ns(uint64_t ns)
{
    WRITE_ONCE(wallclock_base, ns);
}

/* Each CPU shows its TSC to the others for a millisecond; none may see one greater than its own next reading.
 */
struct warp_check {
    uint64_t newest;
    uint64_t worst; /* ticks that some CPU lags behind */
    uint32_t arrived, cpus;
};

static void warp_check_cpu(void *arg)
{
    struct warp_check *w = arg;
    uint64_t end;

    atomic_add_return(&w->arrived, 1u);
    while (READ_ONCE(w->arrived) < w->cpus) {
        cpu_service_requests();
        cpu_relax();
    }
    end = rdtsc_ordered() + tsc_khz;
    for (uint64_t seen, mine = 0; mine < end;) {
        seen = READ_ONCE(w->newest);
        mine = rdtsc_ordered();
        if (mine < seen && seen - mine > READ_ONCE(w->worst))
            WRITE_ONCE(w->worst, seen - mine);
        while (mine > seen && !atomic_cmpxchg(&w->newest, &seen, mine))
            cpu_relax();
    }
}

void time_check_cpus(void)
{
    struct warp_check w = { .cpus = cpumask_weight(cpu_online_map) };

    if (w.cpus == 1)
        return;
    on_cpus(cpu_online_map, warp_check_cpu, &w);
    if (w.worst == 0)
        return;
    printk(LOG_WARNING "TSCs of the CPUs are up to %llu ticks apart: time is kept monotonic in software\n",
           (unsigned long long)w.worst);
    last_ns = now_ns();
    tsc_apart = true;
}
