/* SPDX-License-Identifier: MIT */
#include "hypercalls/hypercall.h"
#include "hv/lib/nospec.h"
#include <xen/xen.h>

#define CALL(nr, fn_name, nr_args, who) \
    [__HYPERVISOR_##nr] = { .fn = do_##fn_name, .name = #nr, .args = (nr_args), .caller = (who) }
#define BOTH(nr, fn_name, nr_args, who) \
    [__HYPERVISOR_##nr] = { .fn = do_##fn_name, .name = #nr, .args = (nr_args), .caller = (who), .hvm = true }

/*
 * Number, handler, argument count, who may call. CALL: PV guests only, BOTH: hardware guests too. What is not
 * listed answers -ENOSYS.
 */
const struct hypercall_entry hypercall_table[] = {
    CALL(set_trap_table, set_trap_table, 1, CALLER_ANY),
    CALL(mmu_update, mmu_update, 4, CALLER_ANY),
    CALL(set_gdt, set_gdt, 2, CALLER_ANY),
    CALL(stack_switch, stack_switch, 2, CALLER_ANY),
    CALL(set_callbacks, set_callbacks, 3, CALLER_ANY),
    CALL(fpu_taskswitch, fpu_taskswitch, 1, CALLER_ANY),
    CALL(sched_op_compat, sched_op_compat, 2, CALLER_ANY),
    BOTH(platform_op, platform_op, 1, CALLER_CONTROL),
    CALL(set_debugreg, set_debugreg, 2, CALLER_ANY),
    CALL(get_debugreg, get_debugreg, 1, CALLER_ANY),
    CALL(update_descriptor, update_descriptor, 2, CALLER_ANY),
    BOTH(memory_op, memory_op, 2, CALLER_ANY),
    BOTH(multicall, multicall, 2, CALLER_ANY),
    CALL(update_va_mapping, update_va_mapping, 3, CALLER_ANY),
    BOTH(set_timer_op, set_timer_op, 1, CALLER_ANY),
    CALL(event_channel_op_compat, event_channel_op_compat, 1, CALLER_ANY),
    BOTH(xen_version, xen_version, 2, CALLER_ANY),
    BOTH(console_io, console_io, 3, CALLER_ANY),
    CALL(physdev_op_compat, physdev_op_compat, 1, CALLER_ANY),
    BOTH(grant_table_op, grant_table_op, 3, CALLER_ANY),
    BOTH(vm_assist, vm_assist, 2, CALLER_ANY),
    CALL(update_va_mapping_otherdomain, update_va_mapping_otherdomain, 4, CALLER_ANY),
    CALL(iret, iret, 0, CALLER_ANY),
    BOTH(vcpu_op, vcpu_op, 3, CALLER_ANY),
    CALL(set_segment_base, set_segment_base, 2, CALLER_ANY),
    BOTH(mmuext_op, mmuext_op, 4, CALLER_ANY),
    CALL(nmi_op, nmi_op, 2, CALLER_ANY),
    BOTH(sched_op, sched_op, 2, CALLER_ANY),
    CALL(callback_op, callback_op, 2, CALLER_ANY),
    BOTH(event_channel_op, event_channel_op, 2, CALLER_ANY),
    BOTH(physdev_op, physdev_op, 2, CALLER_ANY),
    BOTH(hvm_op, hvm_op, 2, CALLER_ANY),
    BOTH(sysctl, sysctl, 1, CALLER_CONTROL),
    BOTH(domctl, domctl, 1, CALLER_CONTROL),
};

const unsigned int hypercall_count = ARRAY_SIZE(hypercall_table);

static __noinline int64_t call_as_control_domain(const struct hypercall_entry *entry, uint64_t arg[6])
{
    return may(current->domain, ACTION_SYSTEM, NULL) ? -EPERM : entry->fn(arg);
}

static __always_inline int64_t call(uint64_t nr, uint64_t arg[6], bool hvm)
{
    const struct hypercall_entry *entry;

    if (unlikely(nr >= ARRAY_SIZE(hypercall_table)))
        return -ENOSYS;
    entry = &hypercall_table[index_nospec(nr, ARRAY_SIZE(hypercall_table))];
    if (unlikely(!entry->fn || (hvm && !entry->hvm)))
        return -ENOSYS;
    if (unlikely(entry->caller == CALLER_CONTROL))
        return call_as_control_domain(entry, arg);
    return entry->fn(arg);
}

int64_t hypercall_call(uint64_t nr, uint64_t arg[6])
{
    return call(nr, arg, is_hvm_domain(current->domain));
}

/*
 * No argument register is touched here: guests keep values in those that a call does not take, and a handler
 * changes only those of its own that carry the progress of a restarted call. `r` is guest_regs(), of whose
 * place the CPU's data are.
 */
void hypercall_dispatch(struct regs *r)
{
    int64_t rc;

    container_of(r, struct cpu_info, guest_regs)->vcpu->work = 0;
    rc = call(r->rax, r->arg, false);
    /* An iret may come back with any value, as rax of where it goes. */
    if (unlikely(rc == HYPERCALL_RESTART) && r->rax != __HYPERVISOR_iret)
        r->rip -= 2; /* back onto the syscall instruction; rax still holds the number */
    else
        r->rax = (uint64_t)rc;
}
