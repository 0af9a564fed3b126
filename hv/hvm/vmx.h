/* SPDX-License-Identifier: MIT */
/* What the parts of the VT-x vendor share. */
#ifndef HV_HVM_VMX_H
#define HV_HVM_VMX_H

#include "hv/hvm/hvm.h"
#include "hv/hvm/vmcs.h"

/* What the CPUs have and which controls are used of it; filled by vmx_caps_detect(). */
struct vmx_caps {
    uint32_t revision; /* first word of VMXON and VMCS regions */
    uint32_t pin, proc, proc2, exit, entry;
    uint64_t ept_vpid; /* EPT_CAP_*, and of INVVPID */
    uint64_t cr0_must, cr4_must;
    uint32_t x2apic, xapic; /* controls for a local APIC whose interrupts need no exits; 0: there is none */
    uint32_t stay;          /* a millisecond, in counts of the preemption timer */
};
extern struct vmx_caps vmx_caps;

/* NULL, or what is missing. */
const char *vmx_caps_detect(void);

/* MSRs that guest and hypervisor share without the hardware's switching them. */
enum vmx_shared_msr { VMX_STAR, VMX_LSTAR, VMX_CSTAR, VMX_FMASK, VMX_KERNEL_GS_BASE, VMX_SHARED_MSRS };

struct vmx_vcpu {
    void *vmcs;
    uint64_t vmcs_pa;
    bool loaded;       /* v is switched in: the VMCS is current on its CPU */
    bool launched;     /* vmresume instead of vmlaunch */
    bool flush;        /* the guest's own translations, before it runs again */
    bool event_set;    /* VMCS_ENTRY_EVENT holds an event */
    uint32_t last_cpu; /* + 1; 0: never ran */
    uint64_t epoch;    /* of the p2m when this CPU's translations were last invalidated */

    /* As they are in the VMCS. */
    uint32_t proc, entry, tpr_threshold;
    uint32_t apic; /* vmx_caps.x2apic, vmx_caps.xapic or 0 */
    uint64_t rip, rsp, rflags;

    uint64_t msr[VMX_SHARED_MSRS]; /* the guest's, while v is not switched in */
};

static inline struct vmx_vcpu *vcpu_vmx(const struct vcpu *v)
{
    return v->hvm->vmx;
}

/* The boot CPU's: NULL and *ops filled, or why there can be no hardware guests. */
const char *vmx_detect(struct hvm_ops *ops);

/* The processor is v's local APIC from now on, in the mode of these controls; 0: it is not. v is current. */
void vmx_switch_apic(struct vcpu *v, uint32_t controls);
/* An access to the page of v's xAPIC, where nothing is: put there what lets the processor see the next one.
 */
bool vmx_enter_apic_page(struct vcpu *v);
/* Set or clear primary controls of the current VMCS. */
void vmx_control(struct vmx_vcpu *x, uint64_t bits, bool on);
/* The guest's debug registers into the CPU, and no more exits for them. v is current. */
void vmx_load_debug(struct vcpu *v);
void vmx_dump(const struct vcpu *v);

/* Called by vmx_entry.S around the guest. vmx_enter: whether the VMCS is launched. */
bool vmx_enter(struct vcpu *v);
void vmx_exit(struct vcpu *v);
void vmx_entry_failed(struct vcpu *v);
void vmx_guest_loop(void); /* rsp = guest_regs() */
void vmx_exit_point(void); /* where exits arrive */

#endif
