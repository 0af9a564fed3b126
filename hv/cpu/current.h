/* SPDX-License-Identifier: MIT */
/*
 * Which CPU and vCPU this is. Each CPU's stack is 32 KiB, aligned to its size, and its last bytes hold struct
 * cpu_info; the stack pointer alone finds it, on the interrupt stacks too (they are pages of the same 32
 * KiB).
 *
 *   page 0 #DF, 1 NMI, 2 #MC, 3 #DB interrupt stacks; 4 the CPU's syscall entry code, read-only and
 * executable, so that it is also the guard page of the primary stack: 5..7, with cpu_info at its very top.
 */
#ifndef HV_CPU_CURRENT_H
#define HV_CPU_CURRENT_H

#include "hv/cpu/regs.h"

#define STACK_SHIFT 15
#define STACK_SIZE  (1UL << STACK_SHIFT)

struct vcpu;

struct cpu_info {
    struct regs guest_regs; /* the frame of an entry from a guest; TSS.rsp0 points at its end */
    struct vcpu *vcpu;      /* vCPU whose registers these are (an idle vCPU when no guest runs) */
    uint64_t percpu_offset; /* add to the address of a DEFINE_PER_CPU variable */
    uint32_t cpu;           /* logical CPU number, 0 = boot CPU */
    uint32_t pending;       /* CPU_PENDING_*: work to do before returning to a guest */
    uint64_t scratch;       /* the syscall stub keeps the guest's rsp here for three instructions */
    uint64_t host_state;    /* SVM: physical address of what vmload restores after a guest */
    bool indirect;          /* guest memory is not behind the CPU's page tables (hv/mm/guest_access.h) */
    uint8_t pad[7];
};
/* The CPU aligns the stack to 16 bytes before it pushes a frame, so the frame's end must be aligned. */
_Static_assert((sizeof(struct cpu_info) - sizeof(struct regs)) % 16 == 0,
               "guest_regs must end 16-byte aligned");

static __always_inline struct cpu_info *cpu_info(void)
{
    uint64_t sp;

    __asm__("mov %%rsp, %0" : "=r"(sp));
    return (struct cpu_info *)((sp | (STACK_SIZE - 1)) + 1) - 1;
}

static __always_inline struct vcpu *current_vcpu(void)
{
    return cpu_info()->vcpu;
}
#define current (current_vcpu())

static __always_inline struct regs *guest_regs(void)
{
    return &cpu_info()->guest_regs;
}

static __always_inline unsigned int this_cpu_id(void)
{
    return cpu_info()->cpu;
}

/*
 * Per-CPU variables: DEFINE_PER_CPU(int, counter); this_cpu(counter)++; per_cpu(counter, cpu). The boot CPU's
 * copy is the linked one (offset 0); the others are allocated when a CPU is brought up (hv/cpu/percpu.c).
 */
#define DEFINE_PER_CPU(type, name)  __section(".data.percpu") __typeof__(type) percpu_##name
#define DECLARE_PER_CPU(type, name) extern __typeof__(type) percpu_##name

extern uint64_t percpu_offset[];

#define PER_CPU_AT(name, off) (*(__typeof__(percpu_##name) *)((char *)&percpu_##name + (off)))
#define this_cpu(name)        PER_CPU_AT(name, cpu_info()->percpu_offset)
#define per_cpu(name, cpu)    PER_CPU_AT(name, percpu_offset[cpu])

#define CPU_PENDING_SCHEDULE BIT(0) /* pick another vCPU */
#define CPU_PENDING_TIMER    BIT(1) /* run expired timers */
#define CPU_PENDING_CALLS    BIT(2) /* run queued function calls (hv/cpu/ipi.c) */
#define CPU_PENDING_GUEST                                                            \
    BIT(3) /* the current vCPU has more than an event to take: NMI, stale time areas \
            */

/* Ask `this` CPU to do work before it returns to a guest. */
static inline void cpu_raise(uint32_t what)
{
    __atomic_fetch_or(&cpu_info()->pending, what, __ATOMIC_RELAXED);
}
/* The same for any CPU, with an IPI when it is another one. */
void cpu_raise_on(unsigned int cpu, uint32_t what);

#endif
