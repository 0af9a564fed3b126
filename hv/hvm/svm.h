/* SPDX-License-Identifier: MIT */
/* What the parts of the SVM vendor share. */
#ifndef HV_HVM_SVM_H
#define HV_HVM_SVM_H

#include "hv/cpu/cpuid.h"
#include "hv/cpu/fpu.h"
#include "hv/hvm/vmcb.h"

/* What the CPUs have, CPUID 0x8000000a EDX; nothing but NPT is relied on. */
struct svm_caps {
    bool next_rip, clean_bits, flush_by_asid, decode_assists;
    uint32_t asids;
};
extern struct svm_caps svm_caps;

static inline struct vmcb *vcpu_vmcb(const struct vcpu *v)
{
    return v->hvm->svm.vmcb;
}

/* Called by svm_entry.S around the guest. svm_enter: the physical address of the VMCB to run. */
uint64_t svm_enter(struct vcpu *v);
void svm_exit(struct vcpu *v);
void svm_guest_loop(void); /* rsp = guest_regs() */

/* Give v an address space id for this CPU, or keep the one it has. */
void svm_assign_asid(struct vcpu *v);

/* The guest's debug registers into the CPU, and no more exits for them. */
void svm_load_debug(struct vcpu *v);

/* QEMU's TCG lets the guest execute xsetbv although it is intercepted. */
static inline void svm_notice_xsetbv(struct vcpu *v)
{
    if (unlikely(host_cpu.tcg))
        fpu_sync_xcr0(v);
}

/* The boot CPU's: NULL and *ops filled, or why there can be no hardware guests. */
const char *svm_detect(struct hvm_ops *ops);

#define DR7_RESET   0x400ULL
#define DR7_ENABLED 0xffULL

/* Bytes of the instruction at rip, which the exit says is `opcode`[len] behind prefixes; 0: it is not (any
 * more). */
unsigned int svm_insn_bytes(struct vcpu *v, const uint8_t *opcode, unsigned int len);

#endif
