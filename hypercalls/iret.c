/* SPDX-License-Identifier: MIT */
/* HYPERVISOR_iret (xen.h __HYPERVISOR_iret): the frame is replaced, and rax comes from the context. */
#include "hv/pv/pv.h"
#include "hypercalls/hypercall.h"

int64_t do_iret(uint64_t arg[6] __unused)
{
    uint64_t rax = pv_iret();

    /* The one value of rax that the dispatcher reads as "repeat": let it move rip back to where it is to be.
     */
    if (unlikely((int64_t)rax == HYPERCALL_RESTART)) {
        guest_regs()->rax = rax;
        guest_regs()->rip += 2;
    }
    return (int64_t)rax;
}
