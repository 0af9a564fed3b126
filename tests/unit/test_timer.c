/* SPDX-License-Identifier: MIT */
/*
 * Timers of two CPUs, whose hardware and clock are the test's: those that are due run in order, and a timer
 * that is killed while its function runs on the other CPU stays off, though the function sets it again.
 */
/* unit-sources: hv/lib/pheap.c */
#include <criterion/criterion.h>
#include <string.h>

/* In place of hv/cpu/current.h: the CPU is a variable, and per-CPU data an array. */
#define HV_CPU_CURRENT_H
#include "tests/unit/fake_locks.h"
#include "hv/lib/cpumask.h"
static unsigned int sim_cpu;
static unsigned int this_cpu_id(void)
{
    return sim_cpu;
}
#define DEFINE_PER_CPU(type, name) __typeof__(type) percpu_##name[2]
#define this_cpu(name)             percpu_##name[sim_cpu]
#define per_cpu(name, cpu)         percpu_##name[cpu]
#define CPU_PENDING_TIMER          BIT(1)
static void cpu_raise(uint32_t what)
{
    (void)what;
}
static void cpu_raise_on(unsigned int cpu, uint32_t what)
{
    (void)cpu, (void)what;
}

#define HV_CPU_SMP_H
cpumask_t cpu_online_map = { .bits = 3 };

#include "hv/cpu/timer.c"

static uint64_t sim_now;
static struct timer a, b;
static unsigned int again; /* how often the function sets its timer before it ends */
static char order[8];

uint64_t now_ns(void)
{
    return sim_now;
}

uint64_t ns_to_tsc(uint64_t ns)
{
    return ns;
}

void apic_timer_set(uint64_t tsc)
{
    (void)tsc;
}

void apic_eoi(void)
{
}

void set_irq_vector_handler(uint8_t vector, void (*fn)(uint8_t vector))
{
    (void)vector, (void)fn;
}

void printk(const char *fmt, ...)
{
    (void)fmt;
}

const char *symbol_name(uint64_t address, char *buf, size_t size)
{
    (void)address, (void)size;
    return buf;
}

/* The other CPU's turn: the function sets its timer and ends, or it is started once more. */
void cpu_service_requests(void)
{
    timer_set(&a, 100);
    percpu_timers[1].running = NULL;
    if (again--)
        percpu_timers[1].running = &a;
}

static void append(void *letter)
{
    strcat(order, letter);
}

static void setup(void)
{
    timer_prepare_cpu(0);
    timer_prepare_cpu(1);
    timer_init(&a, append, "a", 1);
    timer_init(&b, append, "b", 1);
}

Test(timer, due_ones_run_in_order, .init = setup)
{
    timer_set(&a, 20);
    timer_set(&b, 10);
    sim_cpu = 1;
    sim_now = 15;
    timer_run_expired();
    cr_assert_str_eq(order, "b");
    cr_assert(timer_active(&a) && !timer_active(&b));
    sim_now = 20;
    timer_run_expired();
    cr_assert_str_eq(order, "ba");
}

Test(timer, killed_while_its_function_sets_it, .init = setup)
{
    for (unsigned int times = 0; times < 3; times++) {
        again = times;
        percpu_timers[1].running = &a;
        timer_kill(&a);
        cr_assert(!timer_active(&a) && !percpu_timers[1].running);
        cr_assert_null(earliest(&percpu_timers[1]));
    }
}

/* What another CPU did while the timer was between the heaps is not undone. */
Test(timer, set_or_stopped_while_it_migrates, .init = setup)
{
    sim_cpu = 1;
    timer_set(&a, 100);
    timer_set(&b, 100);
    cr_assert(leave_heap(&a, 0));
    cr_assert(leave_heap(&b, 0));
    cr_assert(timer_active(&a) && timer_active(&b));
    timer_set(&a, 20);
    timer_stop(&b);
    enter_heap(&a);
    enter_heap(&b);
    sim_cpu = 0;
    sim_now = 20;
    timer_run_expired();
    cr_assert_str_eq(order, "a");
    sim_now = 100;
    timer_run_expired();
    cr_assert_str_eq(order, "a");
    cr_assert(!timer_active(&a) && !timer_active(&b));
}

Test(timer, migrated_keeps_its_expiry, .init = setup)
{
    timer_set(&a, 100);
    timer_migrate(&a, 0);
    sim_cpu = 1;
    sim_now = 100;
    timer_run_expired();
    cr_assert_str_eq(order, "");
    sim_cpu = 0;
    timer_run_expired();
    cr_assert_str_eq(order, "a");
}
