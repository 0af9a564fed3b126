/* SPDX-License-Identifier: MIT */
/* Traps of a PV guest: registered by hypercalls; user mode is entered by the iret hypercall. */
#include "tests/guests/framework/cpu.h"
#include "tests/guests/framework/hypercall.h"
#include "tests/guests/framework/test.h"
#include "tests/guests/framework/trap.h"

#include "guest_arch.h"
#include <xen/callback.h>

static uint8_t user_stacks[MAX_CPUS][4096] __attribute__((aligned(16)));
static struct trap_info table[257];

extern char user_start[], user_return[];
long user_enter(struct iret_context *frame, uint64_t fn, uint64_t arg, uint64_t *saved_rsp);

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

    if (cpu->id == 0)
        trap_drop_hooks();
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

bool arch_user_exit(struct cpu_regs *regs)
{
    struct cpu *cpu = this_cpu();

    if (regs->vector != TRAP_SYSCALL || regs->rax != USER_EXIT || !cpu->user_rsp)
        return false;
    trap_resume_at(regs, user_return, cpu->user_rsp, regs->rdi);
    return true;
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
