/* SPDX-License-Identifier: MIT */
/* set_trap_table: the virtual IDT (arch-x86/xen.h struct trap_info). */
#include "hv/pv/pv.h"
#include "hypercalls/hypercall.h"

/*
 * arg: list of struct trap_info that ends with one of address 0; no list clears the table. 0, -EFAULT,
 * -EINVAL (address not canonical), -ENOMEM. Entries before a bad one stay set, as the list is taken entry by
 * entry. Restarts at the entry it came to.
 */
int64_t do_set_trap_table(uint64_t arg[6])
{
    struct vcpu *v = current;
    struct trap_info entry;

    if (!arg[0]) {
        pv_traps_clear(v);
        return 0;
    }
    for (;;) {
        if (read_guest(&entry, gva(arg[0])))
            return -EFAULT;
        if (!entry.address)
            return 0;
        if (!is_canonical(entry.address))
            return -EINVAL;
        if (!pv_traps_reach(v, entry.vector))
            return -ENOMEM;
        entry.cs |= 3;
        v->pv.traps[entry.vector] = entry;
        arg[0] += sizeof(entry);
        if (hypercall_preempt_check(1))
            return HYPERCALL_RESTART;
    }
}
