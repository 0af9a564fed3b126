/* SPDX-License-Identifier: MIT */
/* Secondary vCPUs of a PV guest start in 64-bit kernel mode with the tables of the one that starts them. */
#include "tests/guests/framework/cpu.h"
#include "tests/guests/framework/hypercall.h"
#include "tests/guests/framework/memory.h"
#include "tests/guests/framework/print.h"
#include "tests/guests/framework/smp.h"

extern char smp_entry[];

long smp_initialise(unsigned int id, uint64_t stack)
{
    static struct vcpu_guest_context ctxt;

    memset(&ctxt, 0, sizeof(ctxt));
    ctxt.flags = VGCF_in_kernel;
    ctxt.user_regs.rip = (uint64_t)smp_entry;
    ctxt.user_regs.rsp = stack;
    ctxt.user_regs.cs = FLAT_KERNEL_CS;
    ctxt.user_regs.ss = FLAT_KERNEL_SS;
    ctxt.kernel_ss = FLAT_KERNEL_SS;
    ctxt.kernel_sp = (uint64_t)cpu_of(id) + CPU_TRAP_STACK_TOP;
    ctxt.ctrlreg[1] = xen_pfn_to_cr3(l4_mfn());
    ctxt.ctrlreg[3] = xen_pfn_to_cr3(l4_mfn());
    return hc_vcpu(VCPUOP_initialise, id, &ctxt);
}
