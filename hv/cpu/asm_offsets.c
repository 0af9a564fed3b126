/* SPDX-License-Identifier: MIT */
/* Structure offsets for assembly: the build turns the markers below into build/.../asm_offsets.h. */
#include "hv/domain/domain.h"
#include "hv/cpu/current.h"

#define DEFINE(sym, val)         __asm__ volatile("\n.ascii \"->" #sym " %c0\"" ::"i"(val))
#define OFFSET(sym, type, field) DEFINE(sym, offsetof(type, field))

void asm_offsets(void);

void asm_offsets(void)
{
    OFFSET(REGS_r15, struct regs, r15);
    OFFSET(REGS_r14, struct regs, r14);
    OFFSET(REGS_r13, struct regs, r13);
    OFFSET(REGS_r12, struct regs, r12);
    OFFSET(REGS_rbp, struct regs, rbp);
    OFFSET(REGS_rbx, struct regs, rbx);
    OFFSET(REGS_r11, struct regs, r11);
    OFFSET(REGS_rcx, struct regs, rcx);
    OFFSET(REGS_rdi, struct regs, rdi);
    OFFSET(REGS_rsi, struct regs, rsi);
    OFFSET(REGS_rdx, struct regs, rdx);
    OFFSET(REGS_r10, struct regs, r10);
    OFFSET(REGS_r8, struct regs, r8);
    OFFSET(REGS_r9, struct regs, r9);
    OFFSET(REGS_rax, struct regs, rax);
    OFFSET(REGS_error_code, struct regs, error_code);
    OFFSET(REGS_vector, struct regs, vector);
    OFFSET(REGS_rip, struct regs, rip);
    OFFSET(REGS_cs, struct regs, cs);
    OFFSET(REGS_rflags, struct regs, rflags);
    OFFSET(REGS_rsp, struct regs, rsp);
    DEFINE(REGS_size, sizeof(struct regs));
    DEFINE(CPUINFO_size, sizeof(struct cpu_info));
    OFFSET(CPUINFO_current, struct cpu_info, vcpu);
    OFFSET(CPUINFO_pending, struct cpu_info, pending);
    OFFSET(CPUINFO_scratch, struct cpu_info, scratch);
    OFFSET(CPUINFO_host_state, struct cpu_info, host_state);
    OFFSET(VCPU_info, struct vcpu, info);
    OFFSET(VCPU_in_kernel, struct vcpu, pv.in_kernel);
    OFFSET(VCPUINFO_pending, struct vcpu_info, evtchn_upcall_pending);
    OFFSET(VCPUINFO_mask, struct vcpu_info, evtchn_upcall_mask);
}
