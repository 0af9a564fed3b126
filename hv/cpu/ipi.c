/* SPDX-License-Identifier: MIT */
/*
 * Requests between CPUs. There is one shoot-down at a time for the machine: its initiator owns flush_lock,
 * names the targets in flush_targets, and waits until each has cleared its bit. Interrupts are off in the
 * hypervisor, so a target serves the request when it next (a) takes the IPI in guest mode or idle, or (b)
 * waits for a lock, for another shoot-down or for a call.
 */
#include "hv/cpu/ipi.h"
#include "hv/cpu/apic.h"
#include "hv/cpu/current.h"
#include "hv/cpu/insn.h"
#include "hv/cpu/msr_index.h"
#include "hv/cpu/smp.h"
#include "hv/cpu/tlb.h"
#include "hv/cpu/trap.h"
#include "hv/lib/bug.h"
#include "hv/lib/spinlock.h"

cpumask_t cpu_online_map;

static struct spinlock flush_lock = SPINLOCK_INIT(LOCK_FLUSH);
static cpumask_t flush_targets;
static uint64_t flush_va;

static uint64_t tlb_clock = 1;
static DEFINE_PER_CPU(uint64_t, tlb_last_flush); /* tlb_clock when this CPU last flushed everything */

/* The one call that is under way. Who is not in `left`, and looks, may be looking at the next one. */
static struct spinlock call_lock = SPINLOCK_INIT(LOCK_CALL);
static struct {
    void (*fn)(void *);
    void *arg;
    cpumask_t left; /* CPUs that have not finished */
} call;             /* under call_lock; fn and arg are those of whoever is in `left` */

uint32_t tlb_clock_now(void)
{
    return (uint32_t)READ_ONCE(tlb_clock);
}

void tlb_switch_cr3(uint64_t cr3)
{
    uint64_t now = atomic_add_return(&tlb_clock, 1);
    uint64_t cr4 = read_cr4();

    if (cr4 & CR4_PGE) {
        write_cr4(cr4 & ~CR4_PGE);
        write_cr3(cr3);
        write_cr4(cr4);
    } else {
        write_cr3(cr3);
    }
    this_cpu(tlb_last_flush) = now;
}

void tlb_flush_local(void)
{
    tlb_switch_cr3(read_cr3());
}

/*
 * The stamp is the low half of the clock. Its age is taken modulo 2^32, so an ancient stamp looks younger
 * than it is and costs a needless flush at worst; the CPUs' own times are whole.
 */
cpumask_t tlb_flush_needed(cpumask_t mask, uint32_t stamp)
{
    uint64_t now = READ_ONCE(tlb_clock);
    uint64_t age = (uint32_t)((uint32_t)now - stamp);
    unsigned int cpu;

    for_each_cpu (cpu, mask.bits)
        if (now - READ_ONCE(per_cpu(tlb_last_flush, cpu)) < age)
            mask.bits &= ~BIT(cpu);
    return mask;
}

static void flush_here(uint64_t va)
{
    if (va == FLUSH_ALL_VA)
        tlb_flush_local();
    else
        invlpg(va);
}

void cpu_service_requests(void)
{
    unsigned int me = this_cpu_id();

    if (unlikely(cpumask_test(&flush_targets, me))) {
        flush_here(READ_ONCE(flush_va));
        cpumask_clear(&flush_targets, me);
    }
}

void tlb_flush_mask(cpumask_t mask, uint64_t va)
{
    unsigned int cpu, me = this_cpu_id();

    mask.bits &= cpu_online_map.bits;
    if (mask.bits & BIT(me)) {
        flush_here(va);
        mask.bits &= ~BIT(me);
    }
    if (!mask.bits)
        return;
    spin_lock(&flush_lock);
    flush_va = va;
    smp_wmb();
    WRITE_ONCE(flush_targets.bits, mask.bits);
    smp_mb();
    for_each_cpu (cpu, mask.bits)
        apic_send_ipi(cpu, VECTOR_FLUSH);
    while (READ_ONCE(flush_targets.bits))
        cpu_relax();
    spin_unlock(&flush_lock);
}

static void flush_interrupt(uint8_t vector __unused)
{
    apic_eoi();
    cpu_service_requests();
}

/* The reason is in cpu_info.pending, which the exit path looks at. */
static void wake_interrupt(uint8_t vector __unused)
{
    apic_eoi();
}

void cpu_raise_on(unsigned int cpu, uint32_t what)
{
    struct cpu_info *info;

    if (cpu == this_cpu_id()) {
        cpu_raise(what);
        return;
    }
    info = cpu_info_of(cpu);
    if (!(__atomic_fetch_or(&info->pending, what, __ATOMIC_SEQ_CST) & what))
        apic_send_ipi(cpu, VECTOR_WAKE);
}

void cpu_run_calls(void)
{
    unsigned int me = this_cpu_id();

    if (!(READ_ONCE(call.left.bits) & BIT(me)))
        return;
    smp_rmb();
    call.fn(call.arg);
    cpumask_clear(&call.left, me);
}

void on_cpus(cpumask_t mask, void (*fn)(void *), void *arg)
{
    unsigned int cpu, me = this_cpu_id();
    uint64_t others = mask.bits & cpu_online_map.bits & ~BIT(me);

    while (!spin_trylock(&call_lock)) { /* the holder may be waiting for this CPU */
        cpu_service_requests();
        cpu_run_calls();
        cpu_relax();
    }
    call.fn = fn;
    call.arg = arg;
    smp_wmb();
    WRITE_ONCE(call.left.bits, others);
    smp_mb();
    for_each_cpu (cpu, others)
        cpu_raise_on(cpu, CPU_PENDING_CALLS);
    if (mask.bits & BIT(me))
        fn(arg);
    while (READ_ONCE(call.left.bits)) {
        cpu_service_requests();
        cpu_relax();
    }
    spin_unlock(&call_lock);
}

void ipi_init(void)
{
    set_irq_vector_handler(VECTOR_FLUSH, flush_interrupt);
    set_irq_vector_handler(VECTOR_WAKE, wake_interrupt);
}
