/* SPDX-License-Identifier: MIT */
/* vm_assist: deviations from the plain ABI that a guest asks for, kept as bits of d->vm_assist. */
#include "hypercalls/hypercall.h"
#include <xen/xen.h>

/* All others are about page tables, segments and privilege of PV guests. */
#define HVM_VM_ASSIST_VALID BIT(VMASST_TYPE_runstate_update_flag)

/* arg: VMASST_CMD_*, VMASST_TYPE_* (32 bits each). 0; -EINVAL for an unknown type; -ENOSYS for an unknown
 * command. */
int64_t do_vm_assist(uint64_t arg[6])
{
    struct domain *d = current->domain;
    uint64_t valid = is_hvm_domain(d) ? HVM_VM_ASSIST_VALID : PV_VM_ASSIST_VALID;
    uint32_t type = (uint32_t)arg[1];

    if (type >= 64 || !(valid & BIT(type)))
        return -EINVAL;

    switch ((uint32_t)arg[0]) {
    case VMASST_CMD_enable:
        atomic_or(&d->vm_assist, BIT(type));
        return 0;
    case VMASST_CMD_disable:
        atomic_and(&d->vm_assist, ~BIT(type));
        return 0;
    default:
        return -ENOSYS;
    }
}
