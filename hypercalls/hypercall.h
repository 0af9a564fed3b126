/* SPDX-License-Identifier: MIT */
/*
 * The guest-facing surface. hypercalls/table.c holds the table; each hypercall lives in the file of its name
 * as do_<name>.
 *
 * A handler gets the argument vector: the live registers rdi, rsi, rdx, r10, r8, r9 of the guest (or a copy
 * of a multicall entry). It returns the value for rax. A preempted handler updates arg[] so that repeating
 * the call goes on where it stopped, and returns HYPERCALL_RESTART: the dispatcher moves RIP back onto the
 * syscall instruction.
 */
#ifndef HYPERCALLS_HYPERCALL_H
#define HYPERCALLS_HYPERCALL_H

#include "hv/cpu/current.h"
#include "hv/domain/domain.h"
#include "hv/domain/work.h"
#include "hv/lib/errno.h"
#include "hv/mm/guest_access.h"

typedef int64_t hypercall_fn(uint64_t arg[6]);

/* Not an errno that Xen's ABI knows. */
#define HYPERCALL_RESTART INT64_MIN

enum hypercall_caller {
    CALLER_ANY,     /* any guest kernel */
    CALLER_CONTROL, /* may(d, ACTION_SYSTEM): control domains only, -EPERM for others */
};

struct hypercall_entry {
    hypercall_fn *fn;
    const char *name;
    uint8_t args;   /* how many arguments it takes: only these registers may change */
    uint8_t caller; /* enum hypercall_caller */
    bool hvm;       /* hardware guests have it too */
};

extern const struct hypercall_entry hypercall_table[];
extern const unsigned int hypercall_count;

/* Entry from hv/cpu/entry.S: guest kernel executed syscall. */
void hypercall_dispatch(struct regs *r);
/* The same by number, for multicalls. */
int64_t hypercall_call(uint64_t nr, uint64_t arg[6]);

/*
 * Long operations count their work in units of about one page-table entry or 100 instructions; true when this
 * hypercall has used up its share and should restart so that interrupts get in.
 */
static inline bool hypercall_preempt_check(uint64_t units)
{
    return work_exhausted(units);
}

hypercall_fn do_set_trap_table, do_mmu_update, do_set_gdt, do_stack_switch, do_set_callbacks,
    do_fpu_taskswitch, do_sched_op_compat, do_platform_op, do_set_debugreg, do_get_debugreg,
    do_update_descriptor, do_memory_op, do_multicall, do_update_va_mapping, do_set_timer_op,
    do_event_channel_op_compat, do_xen_version, do_console_io, do_physdev_op_compat, do_grant_table_op,
    do_vm_assist, do_update_va_mapping_otherdomain, do_iret, do_vcpu_op, do_set_segment_base, do_mmuext_op,
    do_nmi_op, do_sched_op, do_callback_op, do_event_channel_op, do_hvm_op, do_physdev_op, do_sysctl,
    do_domctl;

#endif
