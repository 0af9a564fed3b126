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
    struct multicall_entry call;
    uint32_t left = (uint32_t)arg[1];
    gva_t entry = gva(arg[0]);
    bool first = true;
    int64_t result;

    if (!guest_range_ok(entry, (uint64_t)left * sizeof(call)))
        return -EFAULT;

    for (; left; left--, entry = gva_add(entry, sizeof(call)), first = false) {
        if (hypercall_preempt_check(1) && !first)
            return multicall_restart(arg, entry, left);
        if (read_guest(&call, entry))
            return -EFAULT;
        result = multicall_run(&call);
        if (unlikely(call.op == __HYPERVISOR_iret)) {
            guest_regs()->rax = __HYPERVISOR_iret; /* the dispatcher must take any result as one */
            return result;
        }
        if (unlikely(result == HYPERCALL_RESTART))
            return write_guest(entry, &call) ? -EFAULT : multicall_restart(arg, entry, left);
        if (write_guest_field(entry, struct multicall_entry, result, (xen_ulong_t)result))
            return -EFAULT;
    }
    return 0;
}
