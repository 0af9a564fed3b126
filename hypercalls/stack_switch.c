/* SPDX-License-Identifier: MIT */
/* stack_switch: the stack for entries from guest-user mode, a PV guest's TSS. */
#include "hypercalls/hypercall.h"

/* arg: ss, sp. Always 0: a bad stack shows when it is used. */
int64_t do_stack_switch(uint64_t arg[6])
{
    struct vcpu *v = current;

    v->pv.kernel_ss = (uint16_t)arg[0] | 3;
    v->pv.kernel_sp = arg[1];
    return 0;
}
