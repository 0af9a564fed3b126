/* SPDX-License-Identifier: MIT */
#include "tests/guests/framework/trap.h"
#include "tests/guests/framework/cpu.h"
#include "tests/guests/framework/event.h"
#include "tests/guests/framework/hypercall.h"
#include "tests/guests/framework/print.h"
#include "tests/guests/framework/test.h"

#include <xen/callback.h>

#define STUB_SIZE 16

uint64_t boot_regs[10];
uint64_t failsafe_selectors[4];
uint8_t cpu_areas[MAX_CPUS][CPU_AREA_SIZE] __attribute__((section(".bss.pages"), aligned(CPU_AREA_SIZE)));

static uint8_t user_stacks[MAX_CPUS][4096] __attribute__((aligned(16)));
static trap_hook_t hooks[TRAP_COUNT];
static struct trap_info table[257];

extern char catch_return[], user_return[], user_start[];
unsigned int catch_call(void (*fn)(void *), void *arg, uint64_t *saved_rsp);
long user_enter(struct iret_context *frame, uint64_t fn, uint64_t arg, uint64_t *saved_rsp);

uint64_t trap_stub(unsigned int vector)
{
    return (uint64_t)trap_stubs + vector * STUB_SIZE;
}

const struct trap_info *trap_default_table(void)
{
    for (unsigned int v = 0; v < 256; v++) {
        bool user = v == VEC_BP || v == VEC_OF || (v >= 0x80 && v < 0x90);

        table[v] = (struct trap_info){
            .vector = (uint8_t)v, .flags = user ? 3 : 0, .cs = FLAT_KERNEL_CS, .address = trap_stub(v)
        };
    }
    return table;
}

static void register_callback(uint16_t type, const char *entry)
{
    struct callback_register cb = { .type = type, .address = (uint64_t)entry };
    long ret = hc_callback(CALLBACKOP_register, &cb);

    if (ret)
        test_abort("callback %u: %ld", type, ret);
}

void trap_install(void)
{
    struct cpu *cpu = this_cpu();
    long ret = hc_set_trap_table(trap_default_table());

    for (unsigned int v = 0; cpu->id == 0 && v < TRAP_COUNT; v++)
        hooks[v] = NULL;
    if (ret)
        test_abort("set_trap_table: %ld", ret);
    register_callback(CALLBACKTYPE_event, upcall_entry);
    register_callback(CALLBACKTYPE_failsafe, failsafe_entry);
    register_callback(CALLBACKTYPE_syscall, syscall_entry);
    register_callback(CALLBACKTYPE_syscall32, syscall32_entry);
    register_callback(CALLBACKTYPE_sysenter, sysenter_entry);
    ret = hc_stack_switch(FLAT_KERNEL_SS, (uint64_t)cpu + CPU_TRAP_STACK_TOP);
    if (ret)
        test_abort("stack_switch: %ld", ret);
}

void trap_hook(unsigned int vector, trap_hook_t hook)
{
    hooks[vector] = hook;
}

static void report_and_stop(const struct cpu_regs *regs)
{
    print("vcpu %u: unexpected trap %lu error %lx at %lx cs %x mask %x rflags %lx rsp %lx ss %lx cr2 %lx\n",
          this_cpu()->id, regs->vector, regs->error, regs->rip, regs->cs, regs->saved_mask, regs->rflags,
          regs->rsp, regs->ss, this_cpu()->info->arch.cr2);
    test_abort("unexpected trap");
}

/* Lets the iret at the end of the entry continue at a kernel address with a kernel stack. */
static void resume_at(struct cpu_regs *regs, const char *rip, uint64_t rsp, uint64_t rax)
{
    regs->rip = (uint64_t)rip;
    regs->rsp = rsp;
    regs->rax = rax;
    regs->cs = FLAT_KERNEL_CS & ~3u;
    regs->ss = FLAT_KERNEL_SS;
    regs->rflags &= EFLAGS_IF;
}

static void record_trap(struct trap_record *r, const struct cpu_regs *regs)
{
    bool has_error = regs->vector < 32 && ((0x27d00u >> regs->vector) & 1);

    r->regs = *regs;
    r->cr2 = this_cpu()->info->arch.cr2;
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
    if (regs->vector == TRAP_SYSCALL && regs->rax == USER_EXIT && cpu->user_rsp) {
        resume_at(regs, user_return, cpu->user_rsp, regs->rdi);
        return;
    }
    if (!cpu->catch_rsp)
        report_and_stop(regs);
    record_trap(&cpu->record, regs);
    resume_at(regs, catch_return, cpu->catch_rsp, 1);
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

long user_call(long (*fn)(uint64_t), uint64_t arg)
{
    struct cpu *cpu = this_cpu();
    struct iret_context frame = {
        .rip = (uint64_t)user_start,
        .cs = FLAT_USER_CS64,
        .rflags = EFLAGS_IF,
        .rsp = (uint64_t)user_stacks[cpu->id] + sizeof(user_stacks[0]),
        .ss = FLAT_USER_SS64,
    };
    long ret;

    if (cpu->info->evtchn_upcall_mask)
        frame.rflags = 0;
    ret = user_enter(&frame, (uint64_t)fn, arg, &cpu->user_rsp);
    cpu->user_rsp = 0;
    return ret;
}

struct user_request {
    long (*fn)(uint64_t);
    uint64_t arg;
    long ret;
};

static void user_request_run(void *arg)
{
    struct user_request *req = arg;

    req->ret = user_call(req->fn, req->arg);
}

const struct trap_record *user_catch(long (*fn)(uint64_t), uint64_t arg, long *ret)
{
    struct user_request req = { .fn = fn, .arg = arg };
    const struct trap_record *r = trap_catch(user_request_run, &req);

    if (ret)
        *ret = req.ret;
    return r;
}
