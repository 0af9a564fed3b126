/* SPDX-License-Identifier: MIT */
/* The timer of a virtual local APIC: one-shot, periodic, or at a TSC deadline. SDM Vol. 3 §10.5.4. */
#include "hv/cpu/insn.h"
#include "hv/cpu/time.h"
#include "hv/hvm/hvm.h"
#include "hv/hvm/vlapic_regs.h"

/* The input clock that the guest measures: 100 MHz. */
#define TICK_NS 10ULL
/* No periodic timer comes more often than this: a shorter one would leave the CPU no time for anything else.
 */
#define PERIOD_MIN_NS 100000ULL
/* No deadline is farther away: sums of times must not wrap. */
#define FAR_NS (1ULL << 60)

enum timer_mode { TIMER_ONE_SHOT, TIMER_PERIODIC, TIMER_DEADLINE, TIMER_RESERVED };

static enum timer_mode mode_of(const struct vlapic *a)
{
    return (enum timer_mode)(*vlapic_reg(a, APIC_LVT_TIMER) >> 17 & 3);
}

/* ns for one count. */
static uint64_t tick_ns(const struct vlapic *a)
{
    uint32_t d = *vlapic_reg(a, APIC_TDCR), shift = ((d & 3) | (d >> 1 & 4)) + 1;

    return TICK_NS << (shift & 7);
}

static void arm_next(struct vlapic *a, uint64_t now)
{
    uint64_t next = a->timer_start + a->timer_period;

    if (mode_of(a) == TIMER_PERIODIC && now >= next) {
        next = a->timer_start + ((now - a->timer_start) / a->timer_period + 1) * a->timer_period;
        next = max(next, now + PERIOD_MIN_NS);
    }
    timer_set(&a->timer, next);
}

/* Count down from the initial count, of which `left` counts remain. */
static void start_count(struct vlapic *a, uint32_t left)
{
    uint64_t now = now_ns(), tick = tick_ns(a), initial = *vlapic_reg(a, APIC_TMICT);

    timer_stop(&a->timer);
    WRITE_ONCE(a->counting, false);
    if (!left || mode_of(a) >= TIMER_DEADLINE)
        return;
    a->timer_period = initial * tick;
    a->timer_start = now - (a->timer_period - left * tick);
    /* An earlier setting may be firing on another CPU, which divides by the period once we count. */
    smp_wmb();
    WRITE_ONCE(a->counting, true);
    arm_next(a, now);
}

uint32_t vlapic_timer_current(const struct vlapic *a)
{
    uint64_t elapsed;

    if (!a->counting)
        return 0;
    elapsed = now_ns() - a->timer_start;
    if (mode_of(a) == TIMER_PERIODIC)
        elapsed %= a->timer_period;
    else if (elapsed >= a->timer_period)
        return 0;
    return (uint32_t)((a->timer_period - elapsed) / tick_ns(a));
}

static void fired(void *arg)
{
    struct vlapic *a = arg;
    uint32_t lvt = READ_ONCE(*vlapic_reg(a, APIC_LVT_TIMER));

    a->tsc_deadline = 0;
    if (!(lvt & LVT_MASKED) && (lvt & LVT_VECTOR) >= VECTOR_FIRST)
        vlapic_raise(a, lvt & LVT_VECTOR);
    if (mode_of(a) == TIMER_PERIODIC && READ_ONCE(a->counting)) {
        smp_rmb(); /* the period that start_count() set before */
        arm_next(a, now_ns());
    }
}

void vlapic_timer_set_deadline(struct vlapic *a, uint64_t guest_tsc)
{
    uint64_t host = guest_tsc - a->vcpu->hvm->tsc_offset, now = rdtsc();

    if (mode_of(a) != TIMER_DEADLINE)
        return;
    a->tsc_deadline = guest_tsc;
    if (!guest_tsc)
        timer_stop(&a->timer);
    else if ((int64_t)(host - now) <= 0)
        timer_set(&a->timer, now_ns());
    else
        timer_set(&a->timer, now_ns() + min(tsc_to_ns(host - now), FAR_NS));
}

void vlapic_timer_write_lvt(struct vlapic *a, uint32_t value)
{
    uint32_t *lvt = vlapic_reg(a, APIC_LVT_TIMER);
    uint32_t left = vlapic_timer_current(a);
    enum timer_mode old = mode_of(a);

    WRITE_ONCE(*lvt, value);
    if ((old >= TIMER_DEADLINE) != (mode_of(a) >= TIMER_DEADLINE)) {
        timer_stop(&a->timer);
        a->tsc_deadline = 0;
        WRITE_ONCE(a->counting, false);
        *vlapic_reg(a, APIC_TMICT) = 0;
    } else if (old != mode_of(a)) {
        start_count(a, left);
    }
}

void vlapic_timer_write_divider(struct vlapic *a, uint32_t value)
{
    uint32_t left = vlapic_timer_current(a);

    *vlapic_reg(a, APIC_TDCR) = value;
    start_count(a, left);
}

void vlapic_timer_write_initial(struct vlapic *a, uint32_t value)
{
    if (mode_of(a) >= TIMER_DEADLINE)
        return;
    *vlapic_reg(a, APIC_TMICT) = value;
    start_count(a, value);
}

void vlapic_timer_reset(struct vlapic *a)
{
    timer_stop(&a->timer);
    a->tsc_deadline = 0;
    a->counting = false;
}

void vlapic_timer_init(struct vlapic *a)
{
    timer_init(&a->timer, fired, a, a->vcpu->sched.cpu);
}
