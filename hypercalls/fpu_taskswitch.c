/* SPDX-License-Identifier: MIT */
/* fpu_taskswitch: the guest's CR0.TS, which is loaded as it stands. */
#include "hv/cpu/insn.h"
#include "hv/cpu/msr_index.h"
#include "hypercalls/hypercall.h"

/* arg: set or clear. 0. */
int64_t do_fpu_taskswitch(uint64_t arg[6])
{
    struct vcpu *v = current;

    v->pv.ts = (uint32_t)arg[0] != 0;
    if (v->pv.ts)
        write_cr0(read_cr0() | CR0_TS);
    else
        __asm__ volatile("clts");
    return 0;
}
