/* SPDX-License-Identifier: MIT */
#include "hv/sched/context.h"
#include "hv/cpu/cpu_init.h"
#include "hv/cpu/cpuid.h"
#include "hv/cpu/desc.h"
#include "hv/cpu/fpu.h"
#include "hv/cpu/ipi.h"
#include "hv/cpu/insn.h"
#include "hv/cpu/smp.h"
#include "hv/cpu/tlb.h"
#include "hv/cpu/trace.h"
#include "hv/domain/runstate.h"
#include "hv/mm/paging.h"
#include "hv/sched/sched.h"

void __noreturn stack_reset_and_jump(void (*fn)(void));

static void idle_loop(void)
{
    struct cpu_info *info = cpu_info();

    for (;;) {
        if (READ_ONCE(info->pending)) {
            process_pending();
            continue;
        }
        /* sti takes effect after the next instruction: an interrupt that arrives now ends the hlt. */
        __asm__ volatile("sti; hlt; cli" ::: "memory");
    }
}

static void switch_to_idle(void)
{
    tlb_switch_cr3(virt_to_phys(idle_l4));
    gdt_load_own();
    ldt_load(0, 0);
}

void __noreturn context_switch(struct vcpu *prev, struct vcpu *next)
{
    struct cpu_info *info = cpu_info();
    unsigned int cpu = info->cpu;

    trace(TRACE_SWITCH, (uint64_t)prev->domain->id << 16 | prev->id,
          (uint64_t)next->domain->id << 16 | next->id);
    if (!prev->is_idle) {
        prev->domain->ops->switch_from(prev);
        vcpu_update_guest_areas(prev);
    }
    info->vcpu = next;
    info->indirect = is_hvm_domain(next->domain);
    if (next->is_idle) {
        switch_to_idle();
    } else {
        cpumask_set(&next->dirty_cpus, cpu);
        next->domain->ops->switch_to(next);
        if (unlikely(next->nmi_pending))
            cpu_raise(CPU_PENDING_GUEST);
        vcpu_update_time(next);
        vcpu_update_guest_areas(next);
    }
    if (!prev->is_idle)
        cpumask_clear(&prev->dirty_cpus, cpu); /* the CR3 load flushed everything of prev */
    sched_context_saved(prev);
    stack_reset_and_jump(next->is_idle ? idle_loop : next->domain->ops->resume);
    __builtin_unreachable();
}

void process_pending(void)
{
    struct cpu_info *info = cpu_info();
    uint32_t work = atomic_xchg(&info->pending, 0);

    cpu_service_requests();
    if (work & CPU_PENDING_CALLS)
        cpu_run_calls();
    if (work & CPU_PENDING_TIMER)
        timer_run_expired();
    if (work & CPU_PENDING_GUEST && !info->vcpu->is_idle)
        vcpu_pending_work(info->vcpu);
    if ((work | READ_ONCE(info->pending)) & CPU_PENDING_SCHEDULE) {
        atomic_and(&info->pending, ~CPU_PENDING_SCHEDULE);
        schedule();
    }
}

void __noreturn cpu_enter_idle(void)
{
    cpu_raise(CPU_PENDING_SCHEDULE);
    stack_reset_and_jump(idle_loop);
    __builtin_unreachable();
}
