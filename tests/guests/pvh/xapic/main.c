/* SPDX-License-Identifier: MIT */
/*
 * xapic: the local APIC by its page, as guests use it that do not know the x2APIC.
 *
 * What:     registers read and written, interrupts to oneself by priority, end of interrupt, task priority,
 * timer. Why:      a processor that serves the page itself does so for some registers only; the others are
 * emulated. Method:   the page is mapped; each interrupt's handler notes it and what is in service, and ends
 * it. Expected: what the page holds and delivers is what a local APIC does. Xen:      the same.
 */
#include "tests/guests/framework/guest.h"
#include "guest_arch.h"

#define ID       0x020u
#define VERSION  0x030u
#define TPR      0x080u
#define EOI      0x0b0u
#define SPURIOUS 0x0f0u
#define ISR      0x100u
#define IRR      0x200u
#define ICR      0x300u
#define TIMER    0x320u
#define INITIAL  0x380u
#define COUNT    0x390u
#define DIVIDER  0x3e0u
#define ENABLE   0x100u
#define SELF     0x40000u
#define MASKED   0x10000u
#define LOW      0x41u
#define HIGH     0x92u

static uint8_t page[PAGE_SIZE] __attribute__((section(".bss.pages"), aligned(4096)));
static volatile uint8_t order[16];
static volatile unsigned int taken;
static bool in_service = true; /* each time, so far */

static uint32_t get(uint32_t offset)
{
    return *(volatile uint32_t *)(void *)(page + offset);
}

static void set(uint32_t offset, uint32_t value)
{
    *(volatile uint32_t *)(void *)(page + offset) = value;
}

static bool is_set(uint32_t first, uint32_t vector)
{
    return get(first + vector / 32 * 16) >> vector % 32 & 1;
}

static bool take(struct cpu_regs *regs)
{
    uint32_t vector = (uint32_t)regs->vector;

    in_service &= is_set(ISR, vector) && !is_set(IRR, vector);
    order[taken++ % sizeof(order)] = (uint8_t)vector;
    set(EOI, 0);
    in_service &= !is_set(ISR, vector);
    return true;
}

static void check_registers(void)
{
    uint32_t version = get(VERSION);

    set(VERSION, ~0u);
    CHECK_EQ(get(VERSION), version);
    CHECK_EQ(get(ID), 0);
    set(TIMER, MASKED | LOW);
    CHECK_EQ(get(TIMER), MASKED | LOW);
    set(DIVIDER, 0xb);
    CHECK_EQ(get(DIVIDER), 0xb);
    CHECK_EQ(get(INITIAL), 0);
}

/* Both wait while interrupts are off; the higher one comes first. */
static void check_order(void)
{
    taken = 0;
    event_disable();
    set(ICR, SELF | LOW);
    set(ICR, SELF | HIGH);
    set(ICR, SELF | LOW);
    CHECK(is_set(IRR, LOW) && is_set(IRR, HIGH));
    event_enable();
    CHECK_EQ(taken, 2);
    CHECK(order[0] == HIGH && order[1] == LOW);
    CHECK(in_service);
}

/* A task priority keeps the lower one away until it falls. */
static void check_priority(void)
{
    taken = 0;
    set(TPR, HIGH & 0xf0);
    CHECK_EQ(get(TPR), HIGH & 0xf0);
    set(ICR, SELF | LOW);
    event_drain();
    CHECK_EQ(taken, 0);
    event_enable();
    set(TPR, 0);
    event_drain();
    CHECK_EQ(taken, 1);
    CHECK_EQ(order[0], LOW);
}

static void check_timer(void)
{
    uint64_t end = clock_now() + 20000 * MS;

    taken = 0;
    event_enable();
    set(TIMER, LOW);
    set(INITIAL, 100000);
    CHECK(get(COUNT) <= 100000);
    while (!taken && clock_now() < end)
        hc_sched(SCHEDOP_yield, 0);
    CHECK_EQ(taken, 1);
    CHECK_EQ(get(COUNT), 0);
    set(TIMER, MASKED);
}

static void test(void)
{
    pvh_map(page, 0xfee00);
    trap_hook(LOW, take);
    trap_hook(HIGH, take);
    set(SPURIOUS, ENABLE | 0xff);
    CHECK_EQ(get(SPURIOUS), ENABLE | 0xff);
    check_registers();
    for (unsigned int i = 0; i < 100; i++) {
        check_order();
        check_priority();
    }
    check_timer();
    map_writable(page);
}

GUEST_TEST(test);
