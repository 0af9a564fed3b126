/* SPDX-License-Identifier: MIT */
/*
 * Per-vCPU data, reached through the GS base, and the masking of event upcalls, which is this kernel's
 * "interrupts off". vCPU 0 runs the threads; other vCPUs run one function each (smp.h).
 */
#ifndef PVGUEST_CPU_H
#define PVGUEST_CPU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <xen/xen.h>
#include "pvguest/cpu_layout.h"
#include "pvguest/flavour.h"
#include "pvguest/hypercall.h"

struct thread;
struct _reent;

struct cpu {
    struct cpu *self;       /* %gs:CPU_SELF */
    unsigned long idle_sp;  /* %gs:CPU_IDLE_SP: the stack of cpu_idle() while it sleeps, else 0 */
    struct vcpu_info *info; /* %gs:CPU_INFO */
    unsigned int id;
    unsigned int event_depth; /* > 0 while event handlers run */
    struct thread *current;
    struct _reent *reent; /* C library state of the running thread */
};

_Static_assert(offsetof(struct cpu, self) == CPU_SELF && offsetof(struct cpu, idle_sp) == CPU_IDLE_SP &&
                   offsetof(struct cpu, info) == CPU_INFO,
               "cpu_layout.h is not struct cpu");

/* The calling vCPU's. A thread that may be preempted stays on vCPU 0, so it may keep the pointer. */
static inline struct cpu *this_cpu(void)
{
    struct cpu *cpu;

    __asm__("movq %%gs:%c1, %0" : "=r"(cpu) : "i"(CPU_SELF));
    return cpu;
}

/* What an upcall does, until no event is pending (event_channel.c). Upcalls enabled. */
void evtchn_catch_up(void);

/* Keeps the compiler from moving memory accesses across. */
#define barrier() __asm__ __volatile__("" ::: "memory")

/* In a PVH guest an upcall is an interrupt, and masked as such. */
static inline bool interrupts_disable(void)
{
    unsigned long flags;

    __asm__ __volatile__("pushfq; popq %0; cli" : "=r"(flags)::"memory");
    return !(flags & 0x200);
}

/* Masks event upcalls on this vCPU. Returns whether they were masked before, for upcalls_restore(). Nests. */
static inline bool upcalls_disable(void)
{
    struct vcpu_info *info = this_cpu()->info;
    bool masked;

    if (guest_is_pvh)
        return interrupts_disable();
    masked = *(volatile uint8_t *)&info->evtchn_upcall_mask;
    *(volatile uint8_t *)&info->evtchn_upcall_mask = 1;
    barrier();
    return masked;
}

/* A paravirtual guest's unmasking. True: an event came while upcalls were masked, which left only a flag. */
static inline bool upcalls_unmask(struct vcpu_info *info)
{
    barrier();
    *(volatile uint8_t *)&info->evtchn_upcall_mask = 0;
    barrier();
    return *(volatile uint8_t *)&info->evtchn_upcall_pending;
}

/* Unmasks event upcalls. Events that came meanwhile are handled in this call. */
static inline void upcalls_enable(void)
{
    if (guest_is_pvh)
        __asm__ __volatile__("sti" ::: "memory");
    else if (upcalls_unmask(this_cpu()->info))
        evtchn_catch_up();
}

/* Puts the mask back that upcalls_disable() returned. */
static inline void upcalls_restore(bool masked)
{
    if (!masked)
        upcalls_enable();
}

/* Enables upcalls and sleeps until one comes, in one step. */
static inline void cpu_wait(void)
{
    if (guest_is_pvh)
        __asm__ __volatile__("sti; hlt" ::: "memory");
    else
        hypercall_sched_op(SCHEDOP_block, NULL);
}

/* Whether an event handler is running on this vCPU: such code must not block. */
static inline bool in_event(void)
{
    return this_cpu()->event_depth != 0;
}

/* Waits a moment in a busy loop. */
static inline void cpu_relax(void)
{
    __asm__ __volatile__("pause" ::: "memory");
}

/* The time stamp counter, in ticks of the frequency that struct vcpu_time_info converts (time_ns()). */
static inline uint64_t rdtsc(void)
{
    uint32_t lo, hi;

    __asm__ __volatile__("rdtsc" : "=a"(lo), "=d"(hi));
    return (uint64_t)hi << 32 | lo;
}

#endif
