/* SPDX-License-Identifier: MIT */
/*
 * The virtual local APIC: priorities and end of interrupt, the timer's modes against a clock that the test
 * sets, IPIs by every kind of destination, the INIT-SIPI protocol, mode changes, and random register
 * accesses, after which its rules still hold. Wrong accesses by MSR must be refused, by MMIO ignored.
 */
/* unit-sources: */
#include "tests/unit/fake_hypervisor.h"

/* What the APIC knows of hardware guests. */
#define HV_HVM_HVM_H
#include "hv/hvm/vlapic.h"
struct hvm_vcpu {
    struct vlapic vlapic;
    uint64_t tsc_offset;
};
static inline struct vlapic *vcpu_vlapic(const struct vcpu *v);

/* The clock: one TSC tick is one ns. */
static uint64_t clock_ns;
#define HV_CPU_INSN_H
static uint64_t rdtsc(void)
{
    return clock_ns;
}

#include "hv/hvm/vlapic.c"
#include "hv/hvm/vlapic_ipi.c"
#include "hv/hvm/vlapic_timer.c"

static struct hvm_vcpu apics[FAKE_DOMAINS][FAKE_VCPUS];

static inline struct vlapic *vcpu_vlapic(const struct vcpu *v)
{
    return &apics[v->domain->id][v->id].vlapic;
}

uint64_t now_ns(void)
{
    return clock_ns;
}

uint64_t tsc_to_ns(uint64_t ticks)
{
    return ticks;
}

static struct timer *armed[FAKE_VCPUS];

void timer_init(struct timer *t, void (*fn)(void *), void *arg, unsigned int cpu)
{
    *t = (struct timer){ .fn = fn, .arg = arg, .cpu = cpu };
}

void timer_set(struct timer *t, uint64_t expires)
{
    t->node.key = expires;
    t->queued = true;
}

void timer_stop(struct timer *t)
{
    t->queued = false;
}

void timer_kill(struct timer *t)
{
    timer_stop(t);
}

static unsigned int nmis[FAKE_VCPUS];

void vcpu_send_nmi(struct vcpu *v)
{
    nmis[v->id]++;
}

void vcpu_kick(struct vcpu *v)
{
    fake_kicks[v->domain->id][v->id]++;
}

void vcpu_clear_pause_flags(struct vcpu *v, uint64_t flags)
{
    v->pause_flags &= ~flags;
}

/* vCPUs 0 and 1 of domain 1, APIC ids 0 and 2. */
static struct vlapic *a, *b;

static void setup(void)
{
    fake_start();
    clock_ns = 1000;
    memset(nmis, 0, sizeof(nmis));
    memset(armed, 0, sizeof(armed));
    for (unsigned int i = 0; i < FAKE_VCPUS; i++) {
        fake_vcpu[1][i].hvm = &apics[1][i];
        cr_assert_eq(vlapic_init(&apics[1][i].vlapic, &fake_vcpu[1][i]), 0);
    }
    fake_vcpu[1][1].pause_flags = VPF_DOWN;
    a = &apics[1][0].vlapic;
    b = &apics[1][1].vlapic;
    vlapic_mmio_write(a, APIC_SVR, 4, 0x1ff);
    vlapic_mmio_write(b, APIC_SVR, 4, 0x1ff);
}

static void run_timers(uint64_t until)
{
    for (;;) {
        struct timer *next = NULL;

        for (unsigned int i = 0; i < FAKE_VCPUS; i++) {
            struct timer *t = &apics[1][i].vlapic.timer;

            if (t->queued && t->node.key <= until && (!next || t->node.key < next->node.key))
                next = t;
        }
        if (!next)
            break;
        clock_ns = max(clock_ns, next->node.key);
        next->queued = false;
        next->fn(next->arg);
    }
    clock_ns = until;
}

static int take(struct vlapic *v)
{
    int vector = vlapic_pending(v);

    if (vector >= 0)
        vlapic_accept(v, (uint8_t)vector);
    return vector;
}

static uint32_t read32(struct vlapic *v, uint32_t offset)
{
    return (uint32_t)vlapic_mmio_read(v, offset, 4);
}

Test(vlapic, power_on, .init = setup)
{
    cr_expect_eq(read32(a, APIC_ID), 0u);
    cr_expect_eq(read32(b, APIC_ID), 2u << 24);
    cr_expect_eq(read32(a, APIC_LVR), 0x50014u);
    cr_expect_eq(read32(a, APIC_LVT_TIMER), LVT_MASKED);
    cr_expect_eq(vlapic_pending(a), -1);
    vlapic_mmio_write(a, APIC_SVR, 4, 0xff);
    cr_expect_not(vlapic_raise(a, 0x40), "a disabled APIC takes no interrupts");
}

Test(vlapic, priorities, .init = setup)
{
    cr_assert(vlapic_raise(a, 0x31) && vlapic_raise(a, 0x55) && vlapic_raise(a, 0x52));
    cr_expect_eq(fake_kicks[1][0], 3u);
    cr_expect_eq(take(a), 0x55);
    cr_expect_eq(take(a), -1, "0x52 is of the class in service");
    cr_expect_eq(read32(a, APIC_PPR), 0x50u);
    cr_assert(vlapic_raise(a, 0x61));
    cr_expect_eq(take(a), 0x61);
    vlapic_eoi(a);
    cr_expect_eq(vlapic_highest_isr(a), 0x55);
    vlapic_mmio_write(a, APIC_EOI, 4, 0);
    cr_expect_eq(take(a), 0x52);
    vlapic_eoi(a);
    vlapic_set_cr8(a, 3);
    cr_expect_eq(take(a), -1);
    cr_expect_eq(read32(a, APIC_TPR), 0x30u);
    vlapic_mmio_write(a, APIC_TPR, 4, 0x2f);
    cr_expect_eq(vlapic_cr8(a), 2);
    cr_expect_eq(take(a), 0x31);
    vlapic_eoi(a);
    cr_expect_eq(vlapic_highest_irr(a), -1);
    vlapic_eoi(a);
}

Test(vlapic, timer_one_shot, .init = setup)
{
    vlapic_mmio_write(a, APIC_TDCR, 4, 0xb); /* by 1: 10 ns */
    vlapic_mmio_write(a, APIC_LVT_TIMER, 4, 0x40);
    vlapic_mmio_write(a, APIC_TMICT, 4, 100);
    cr_expect_eq(read32(a, APIC_TMCCT), 100u);
    run_timers(1000 + 400);
    cr_expect_eq(read32(a, APIC_TMCCT), 60u);
    vlapic_mmio_write(a, APIC_TDCR, 4, 0); /* by 2: the 60 that are left take twice as long */
    cr_expect_eq(read32(a, APIC_TMCCT), 60u);
    run_timers(1400 + 1199);
    cr_expect_eq(take(a), -1);
    run_timers(1400 + 1200);
    cr_expect_eq(take(a), 0x40);
    cr_expect_eq(read32(a, APIC_TMCCT), 0u);
    run_timers(1000000);
    cr_expect_eq(take(a), -1);
}

/* Periods are kept as they are, down to a bound: a guest cannot make the hypervisor do nothing else. */
Test(vlapic, timer_periodic, .init = setup)
{
    unsigned int n = 0;

    vlapic_mmio_write(a, APIC_TDCR, 4, 0xb);
    vlapic_mmio_write(a, APIC_LVT_TIMER, 4, 0x20040);
    vlapic_mmio_write(a, APIC_TMICT, 4, 100000); /* 1 ms */
    for (unsigned int ms = 1; ms <= 10; ms++) {
        run_timers(1000 + ms * 1000000ULL);
        n += take(a) == 0x40;
        vlapic_eoi(a);
    }
    cr_expect_eq(n, 10u);
    vlapic_mmio_write(a, APIC_TMICT, 4, 1); /* 10 ns */
    fake_kicks[1][0] = 0;
    for (unsigned int us = 0; us < 1000; us++) {
        run_timers(clock_ns + 1000);
        take(a);
        vlapic_eoi(a);
    }
    cr_expect_leq(fake_kicks[1][0], 11u);
    cr_expect_geq(fake_kicks[1][0], 9u);
    vlapic_mmio_write(a, APIC_LVT_TIMER, 4, 0x30040); /* masked: it runs on in silence */
    run_timers(clock_ns + 1000000);
    cr_expect_eq(take(a), -1);
    vlapic_mmio_write(a, APIC_TMICT, 4, 0);
    cr_expect_not(a->timer.queued);
}

Test(vlapic, timer_deadline, .init = setup)
{
    uint64_t value;

    fake_vcpu[1][0].hvm->tsc_offset = 5000;
    cr_expect(vlapic_wrmsr(a, MSR_TSC_DEADLINE, 9000), "ignored in the other modes");
    cr_expect_not(a->timer.queued);
    vlapic_mmio_write(a, APIC_LVT_TIMER, 4, 0x40041);
    vlapic_mmio_write(a, APIC_TMICT, 4, 77);
    cr_expect_eq(read32(a, APIC_TMICT), 0u);
    cr_expect(vlapic_wrmsr(a, MSR_TSC_DEADLINE, 9000));
    cr_expect(vlapic_rdmsr(a, MSR_TSC_DEADLINE, &value));
    cr_expect_eq(value, 9000u);
    run_timers(3999);
    cr_expect_eq(take(a), -1);
    run_timers(4000);
    cr_expect_eq(take(a), 0x41);
    cr_expect(vlapic_rdmsr(a, MSR_TSC_DEADLINE, &value));
    cr_expect_eq(value, 0u);
    vlapic_eoi(a);
    cr_expect(vlapic_wrmsr(a, MSR_TSC_DEADLINE, 100), "a deadline in the past comes at once");
    run_timers(clock_ns);
    cr_expect_eq(take(a), 0x41);
    cr_expect(vlapic_wrmsr(a, MSR_TSC_DEADLINE, ~0ULL >> 1));
    cr_expect(vlapic_wrmsr(a, MSR_TSC_DEADLINE, 0));
    cr_expect_not(a->timer.queued);
}

static void ipi(uint32_t dest, uint32_t icr)
{
    vlapic_mmio_write(a, APIC_ICR2, 4, (uint64_t)dest << 24);
    vlapic_mmio_write(a, APIC_ICR, 4, icr);
}

Test(vlapic, ipi_destinations, .init = setup)
{
    ipi(2, 0x40);
    cr_expect_eq(take(b), 0x40);
    cr_expect_eq(take(a), -1);
    ipi(1, 0x50); /* nobody */
    ipi(0xff, 0x60);
    cr_expect_eq(take(a), 0x60);
    cr_expect_eq(take(b), 0x60);
    ipi(0, ICR_TO_SELF << 18 | 0x70);
    cr_expect_eq(take(a), 0x70);
    ipi(0, ICR_TO_ALL << 18 | 0x80);
    cr_expect_eq(take(a), 0x80);
    cr_expect_eq(take(b), 0x80);
    ipi(0, 3U << 18 | 0x90);
    cr_expect_eq(take(a), -1);
    cr_expect_eq(take(b), 0x90);
    ipi(2, DM_NMI << 8);
    cr_expect_eq(nmis[1], 1u);
    ipi(2, DM_SMI << 8);
    cr_expect_eq(nmis[0], 0u);
}

Test(vlapic, ipi_logical, .init = setup)
{
    vlapic_mmio_write(a, APIC_LDR, 4, 0x01000000);
    vlapic_mmio_write(b, APIC_LDR, 4, 0x02000000);
    ipi(2, ICR_LOGICAL | 0x40);
    cr_expect_eq(take(a), -1);
    cr_expect_eq(take(b), 0x40);
    ipi(3, ICR_LOGICAL | 0x50);
    cr_expect(take(a) == 0x50 && take(b) == 0x50);
    /* Lowest priority: b is in service, a has nothing above. */
    vlapic_eoi(a);
    ipi(3, ICR_LOGICAL | DM_LOWEST << 8 | 0x60);
    cr_expect_eq(take(a), 0x60);
    cr_expect_eq(take(b), -1);
    /* Cluster model: cluster 1, members 1 and 2. */
    vlapic_mmio_write(a, APIC_DFR, 4, 0x0fffffff);
    vlapic_mmio_write(b, APIC_DFR, 4, 0x0fffffff);
    vlapic_mmio_write(a, APIC_LDR, 4, 0x11000000);
    vlapic_mmio_write(b, APIC_LDR, 4, 0x12000000);
    ipi(0x12, ICR_LOGICAL | 0x70);
    cr_expect_eq(take(a), -1);
    cr_expect_eq(take(b), 0x70);
    ipi(0x22, ICR_LOGICAL | 0x80);
    cr_expect_eq(take(b), -1);
}

Test(vlapic, errors, .init = setup)
{
    vlapic_mmio_write(a, APIC_LVT_ERROR, 4, 0x45);
    ipi(2, 5);
    cr_expect_eq(read32(a, APIC_ESR), 0u, "errors show after a write");
    vlapic_mmio_write(a, APIC_ESR, 4, 0);
    cr_expect_eq(read32(a, APIC_ESR), ESR_SEND_ILLEGAL);
    cr_expect_eq(take(a), 0x45);
    vlapic_mmio_write(a, APIC_ESR, 4, 0);
    cr_expect_eq(read32(a, APIC_ESR), 0u);
    cr_expect_eq(take(b), -1);
}

Test(vlapic, startup, .init = setup)
{
    uint8_t vector = 0;

    cr_expect_not(vlapic_startup_pending(b));
    ipi(2, DM_STARTUP << 8 | 0x9a);
    cr_expect_eq(fake_vcpu[1][1].pause_flags, 0u);
    cr_expect(vlapic_startup_pending(b));
    cr_expect_eq(vlapic_take_startup(b, &vector), VLAPIC_SIPI);
    cr_expect_eq(vector, 0x9a);
    ipi(2, DM_STARTUP << 8 | 0x9b);
    cr_expect_not(vlapic_startup_pending(b), "a SIPI to a running CPU is ignored");
    vlapic_mmio_write(b, APIC_TPR, 4, 0x20);
    ipi(2, DM_INIT << 8 | ICR_LEVEL); /* de-assert */
    cr_expect_not(vlapic_startup_pending(b));
    ipi(2, DM_INIT << 8 | ICR_LEVEL | ICR_ASSERT);
    cr_expect_eq(vlapic_take_startup(b, &vector), VLAPIC_INIT);
    cr_expect_eq(fake_vcpu[1][1].pause_flags, VPF_DOWN);
    cr_expect_eq(read32(b, APIC_TPR), 0u);
    ipi(2, DM_STARTUP << 8 | 0x10);
    cr_expect_eq(vlapic_take_startup(b, &vector), VLAPIC_SIPI);
    /* INIT and SIPI before the target looks; the second SIPI does not count. */
    ipi(2, DM_INIT << 8 | ICR_ASSERT);
    ipi(2, DM_STARTUP << 8 | 0x20);
    ipi(2, DM_STARTUP << 8 | 0x30);
    cr_expect_eq(vlapic_take_startup(b, &vector), VLAPIC_SIPI);
    cr_expect_eq(vector, 0x20);
    cr_expect_not(vlapic_startup_pending(b));
}

Test(vlapic, x2apic, .init = setup)
{
    uint64_t value;

    cr_expect_not(vlapic_rdmsr(a, 0x802, &value));
    cr_expect(vlapic_wrmsr(b, MSR_APIC_BASE, 0xfee00c00));
    cr_expect_not(vlapic_mmio_enabled(b));
    cr_expect(vlapic_rdmsr(b, 0x802, &value) && value == 2);
    cr_expect(vlapic_rdmsr(b, 0x80d, &value) && value == 4);
    cr_expect(vlapic_wrmsr(a, MSR_APIC_BASE, 0xfee00d00));
    cr_expect(vlapic_rdmsr(a, MSR_APIC_BASE, &value) && value == 0xfee00d00);
    cr_expect(vlapic_wrmsr(a, 0x830, 2ULL << 32 | 0x41));
    cr_expect_eq(take(b), 0x41);
    cr_expect(vlapic_wrmsr(b, 0x80b, 0));
    cr_expect_not(vlapic_wrmsr(b, 0x80b, 1));
    cr_expect(vlapic_wrmsr(a, 0x830, 4ULL << 32 | ICR_LOGICAL | 0x42));
    cr_expect_eq(take(b), 0x42);
    cr_expect(vlapic_wrmsr(a, 0x830, 0xffffffffULL << 32 | 0x43));
    cr_expect_eq(take(a), 0x43);
    cr_expect(vlapic_wrmsr(a, 0x83f, 0x51));
    cr_expect_eq(take(a), 0x51);
    cr_expect_not(vlapic_wrmsr(a, 0x802, 0));
    cr_expect_not(vlapic_wrmsr(a, 0x80d, 0));
    cr_expect_not(vlapic_wrmsr(a, 0x80e, 0));
    cr_expect_not(vlapic_wrmsr(a, 0x808, 0x100));
    cr_expect_not(vlapic_rdmsr(a, 0x80b, &value));
    cr_expect_not(vlapic_rdmsr(a, 0x831, &value));
    /* Modes: x2APIC to xAPIC faults, off is allowed, off to x2APIC faults. */
    cr_expect_not(vlapic_wrmsr(a, MSR_APIC_BASE, 0xfee00900));
    cr_expect_not(vlapic_wrmsr(a, MSR_APIC_BASE, 0xfee00500));
    cr_expect_not(vlapic_wrmsr(a, MSR_APIC_BASE, 0xfec00d00));
    cr_expect(vlapic_wrmsr(a, MSR_APIC_BASE, 0xfee00100));
    cr_expect_not(vlapic_raise(a, 0x50));
    cr_expect_not(vlapic_wrmsr(a, MSR_APIC_BASE, 0xfee00d00));
    cr_expect(vlapic_wrmsr(a, MSR_APIC_BASE, 0xfee00900));
    cr_expect(vlapic_mmio_enabled(a));
}

/* While the hardware owns the page, requests wait beside it; none is lost when the mode changes. */
Test(vlapic, posted, .init = setup)
{
    vlapic_set_hardware(a, true);
    cr_assert(vlapic_raise(a, 0x61) && vlapic_raise(a, 0x35));
    cr_expect_eq(fake_kicks[1][0], 2u);
    cr_expect_eq(vlapic_highest_irr(a), -1);
    vlapic_take_posted(a);
    cr_expect_eq(vlapic_highest_irr(a), 0x61);
    cr_assert(vlapic_raise(a, 0x72));
    vlapic_set_hardware(a, false);
    cr_expect_eq(take(a), 0x72);
    cr_assert(vlapic_raise(a, 0x81));
    cr_expect_eq(take(a), 0x81);
}

/* Anything at all: nothing outside of the page, no vector below 16, masks where masks belong. */
Test(vlapic, random_accesses, .init = setup)
{
    uint64_t seed = 88172645463325252ULL, value;
    uint8_t vector;

    for (unsigned int i = 0; i < 300000; i++) {
        struct vlapic *v = i & 1 ? a : b;
        uint32_t offset = seed >> 20 & 0xfff;

        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        switch (seed % 7) {
        case 0:
            vlapic_mmio_write(v, offset & ~15U, 4, seed >> 32);
            break;
        case 1:
            vlapic_mmio_read(v, offset, 1U << (seed >> 40 & 3));
            break;
        case 2:
            vlapic_wrmsr(v, 0x800 + (offset & 0x3f), seed >> (seed >> 60));
            break;
        case 3:
            vlapic_rdmsr(v, 0x800 + (offset & 0xff), &value);
            break;
        case 4:
            vlapic_wrmsr(v, MSR_APIC_BASE, 0xfee00000 | (seed >> 32 & 0xd00));
            break;
        case 5:
            if (vlapic_startup_pending(v))
                vlapic_take_startup(v, &vector);
            run_timers(clock_ns + (seed >> 48));
            break;
        default:
            vlapic_set_hardware(v, seed >> 32 & 1);
            break;
        }
        vlapic_take_posted(v);
        if (v->startup == VLAPIC_WAIT_SIPI)
            vlapic_started(v);
        cr_assert_eq(*vlapic_reg(v, APIC_IRR) & 0xffff, 0u);
        cr_assert_eq(*vlapic_reg(v, APIC_LVR), LVR_VALUE);
        if (!vlapic_software_enabled(v) && vlapic_enabled(v))
            cr_assert(*vlapic_reg(v, APIC_LVT_TIMER) & LVT_MASKED);
        take(v);
    }
}
