/* SPDX-License-Identifier: MIT */
/*
 * multicall: a list of hypercalls in one. The list stays in guest memory; each entry is copied in once, run,
 * and its result is written back, failures included.
 */
#include "hypercalls/hypercall.h"
#include <xen/xen.h>

static int64_t multicall_run(struct multicall_entry *call)
{
    if (unlikely(call->op == __HYPERVISOR_multicall))
        return -EINVAL;
    return hypercall_call(call->op, call->args);
}

/*
 * Copy an entry whose range was checked: number, result and two arguments, and the others only for calls that
 * take more. What else stands in `call` then is left from earlier entries.
 */
static __always_inline int read_entry(struct multicall_entry *call, gva_t entry)
{
    if (read_in_range(call, entry.va, 32))
        return -EFAULT;
    if (call->op < hypercall_count && hypercall_table[call->op].args <= 2)
        return 0;
    return read_in_range(&call->args[2], entry.va + 32, 32);
}

/* Where a preempted multicall goes on. */
static int64_t multicall_restart(uint64_t arg[6], gva_t entry, uint32_t left)
{
    arg[0] = entry.va;
    arg[1] = left;
    return HYPERCALL_RESTART;
}

/*
 * arg: list of struct multicall_entry, their number (32 bits). 0, -EFAULT, or the result of an iret, which
 * ends the list because the guest then runs with another stack, and perhaps other page tables, than those the
 * rest was written for (XSA-213). Restarts with the list and the number moved on, and with a preempted
 * entry's arguments updated in place.
 */
int64_t do_multicall(uint64_t arg[6])
{
    struct multicall_entry call = { 0 };
    uint32_t left = (uint32_t)arg[1];
    gva_t entry = gva(arg[0]);
    bool first = true;
    int64_t result;

    if (!guest_range_ok(entry, (uint64_t)left * sizeof(call)))
        return -EFAULT;

    for (; left; left--, entry = gva_add(entry, sizeof(call)), first = false) {
        if (hypercall_preempt_check(1) && !first)
            return multicall_restart(arg, entry, left);
        if (unlikely(read_entry(&call, entry)))
            return -EFAULT;
        result = multicall_run(&call);
        if (unlikely(call.op == __HYPERVISOR_iret)) {
            guest_regs()->rax = __HYPERVISOR_iret; /* the dispatcher must take any result as one */
            return result;
        }
        if (unlikely(result == HYPERCALL_RESTART))
            return copy_to_guest(entry, &call,
                                 call.op < hypercall_count && hypercall_table[call.op].args <= 2 ? 32 : 64)
                       ? -EFAULT
                       : multicall_restart(arg, entry, left);
        call.result = (xen_ulong_t)result;
        if (unlikely(write_in_range(entry.va + offsetof(struct multicall_entry, result), &call.result,
                                    sizeof(call.result))))
            return -EFAULT;
    }
    return 0;
}
