/* SPDX-License-Identifier: MIT */
#include "tests/guests/framework/trap.h"
#include "tests/guests/framework/cpu.h"
#include "tests/guests/framework/event.h"
#include "tests/guests/framework/hypercall.h"
#include "tests/guests/framework/print.h"
#include "tests/guests/framework/test.h"
#include "guest_arch.h"

#define STUB_SIZE 16

uint64_t boot_regs[10];
uint64_t failsafe_selectors[4];
uint8_t cpu_areas[MAX_CPUS][CPU_AREA_SIZE] __attribute__((section(".bss.pages"), aligned(CPU_AREA_SIZE)));

static trap_hook_t hooks[TRAP_COUNT];

extern char catch_return[];
unsigned int catch_call(void (*fn)(void *), void *arg, uint64_t *saved_rsp);

uint64_t trap_stub(unsigned int vector)
{
    return (uint64_t)trap_stubs + vector * STUB_SIZE;
}

void trap_drop_hooks(void)
{
    for (unsigned int v = 0; v < TRAP_COUNT; v++)
        hooks[v] = NULL;
}

void trap_hook(unsigned int vector, trap_hook_t hook)
{
    hooks[vector] = hook;
}

static void report_and_stop(const struct cpu_regs *regs)
{
    print("vcpu %u: unexpected trap %lu error %lx at %lx cs %x mask %x rflags %lx rsp %lx ss %lx cr2 %lx\n",
          this_cpu()->id, regs->vector, regs->error, regs->rip, regs->cs, regs->saved_mask, regs->rflags,
          regs->rsp, regs->ss, arch_cr2());
    test_abort("unexpected trap");
}

void trap_resume_at(struct cpu_regs *regs, const char *rip, uint64_t rsp, uint64_t rax)
{
    regs->rip = (uint64_t)rip;
    regs->rsp = rsp;
    regs->rax = rax;
    regs->cs = ARCH_KERNEL_CS;
    regs->ss = ARCH_KERNEL_SS;
    regs->rflags &= EFLAGS_IF;
}

static void record_trap(struct trap_record *r, const struct cpu_regs *regs)
{
    bool has_error = regs->vector < 32 && ((0x27d00u >> regs->vector) & 1);

    r->regs = *regs;
    r->cr2 = arch_cr2();
    r->masked_inside = this_cpu()->info->evtchn_upcall_mask;
    r->from_user = (regs->cs & 3) == 3;
    r->frame = (uint64_t)(has_error ? &regs->error : &regs->rip) - 16;
}

void trap_entry(struct cpu_regs *regs)
{
    struct cpu *cpu = this_cpu();

    if (hooks[regs->vector] && hooks[regs->vector](regs))
        return;
    if (regs->vector == TRAP_UPCALL) {
        event_upcall();
        return;
    }
    if (arch_user_exit(regs))
        return;
    if (!cpu->catch_rsp)
        report_and_stop(regs);
    record_trap(&cpu->record, regs);
    trap_resume_at(regs, catch_return, cpu->catch_rsp, 1);
}

const struct trap_record *trap_catch(void (*fn)(void *), void *arg)
{
    struct cpu *cpu = this_cpu();
    uint64_t outer = cpu->catch_rsp, outer_user = cpu->user_rsp;
    unsigned int trapped = catch_call(fn, arg, &cpu->catch_rsp);

    cpu->catch_rsp = outer;
    cpu->user_rsp = outer_user;
    return trapped ? &cpu->record : NULL;
}

int trap_vector_of(void (*fn)(void *), void *arg)
{
    const struct trap_record *r = trap_catch(fn, arg);

    return r ? (int)r->regs.vector : -1;
}
