/* SPDX-License-Identifier: MIT */
/* Between two stays of a VT-x guest on the CPU: what it left for, in terms of hv/hvm/hvm.h. */
#include "hv/cpu/decode.h"
#include "hv/cpu/insn.h"
#include "hv/cpu/msr_index.h"
#include "hv/hvm/vlapic_regs.h"
#include "hv/hvm/vmx.h"
#include "hv/io/console.h"

/* Exit qualifications, SDM Vol. 3 §27.2.1. */
#define IO_WIDTH(q)      ((unsigned int)((q)&7) + 1)
#define IO_IN            BIT(3)
#define IO_STRING        BIT(4)
#define IO_PORT(q)       ((uint16_t)((q) >> 16))
#define CR_NUMBER(q)     ((unsigned int)((q)&15))
#define CR_ACCESS(q)     ((q) >> 4 & 3)
#define CR_REGISTER(q)   ((unsigned int)((q) >> 8) & 15)
#define CR_LMSW(q)       ((q) >> 16 & 0xffff)
#define EPT_WRITE        BIT(1)
#define EPT_FETCH        BIT(2)
#define EPT_UNBLOCKED    BIT(12) /* of NMIs by iret */
#define DEBUG_CONDITIONS (BIT(0) | BIT(1) | BIT(2) | BIT(3) | BIT(13) | BIT(14))

/* Invalidations on this CPU: single-context forms, else all. */
struct invalidation {
    uint64_t id, address;
};
#define INVALIDATE_SINGLE 1UL
#define INVALIDATE_ALL    2UL
#define VPID_CAP_INVVPID  BIT(32)
#define VPID_CAP_SINGLE   BIT(41)

static void invept(uint64_t eptp)
{
    struct invalidation what = { .id = eptp };
    uint64_t type = vmx_caps.ept_vpid & EPT_CAP_INVEPT_SINGLE ? INVALIDATE_SINGLE : INVALIDATE_ALL;

    __asm__ volatile("invept %0, %1" ::"m"(what), "r"(type) : "memory", "cc");
}

static void invvpid(uint64_t vpid)
{
    struct invalidation what = { .id = vpid };

    __asm__ volatile("invvpid %0, %1" ::"m"(what), "r"(INVALIDATE_SINGLE) : "memory", "cc");
}

/*
 * Translations that this CPU may still hold. What comes from the p2m, alone or combined with the guest's own,
 * goes by INVEPT: when the p2m changed, and when the vCPU comes from another CPU, because it may have been
 * here before. What only the guest's own tables are behind goes by INVVPID, if it can; without VPIDs the
 * entry itself does that.
 */
static void invalidate(struct vcpu *v, struct vmx_vcpu *x)
{
    const struct p2m *p = &v->domain->hvm->p2m;
    uint32_t cpu = this_cpu_id() + 1;

    if (unlikely(x->last_cpu != cpu || x->epoch != v->hvm->p2m_epoch)) {
        x->last_cpu = cpu;
        x->epoch = v->hvm->p2m_epoch;
        invept(virt_to_phys(p->root) | EPTP_WB | EPTP_WALK_4);
    } else if (x->flush && (vmx_caps.proc2 & PROC2_VPID)) {
        if (vmx_caps.ept_vpid & VPID_CAP_INVVPID && vmx_caps.ept_vpid & VPID_CAP_SINGLE)
            invvpid(vmcs_read(VMCS_VPID));
        else
            invept(virt_to_phys(p->root) | EPTP_WB | EPTP_WALK_4);
    }
    x->flush = false;
}

/* What the processor is to deliver, and what it has: the highest vectors requested and in service. */
static void set_interrupt_status(const struct vlapic *a)
{
    int irr = vlapic_highest_irr(a), isr = vlapic_highest_isr(a);

    vmcs_write(VMCS_GUEST_INTERRUPT_STATUS, (uint64_t)max(isr, 0) << 8 | (uint64_t)max(irr, 0));
}

/* The guest lowers its priority without an exit, unless an interrupt waits for that. */
static void set_tpr_threshold(struct vmx_vcpu *x, const struct vlapic *a)
{
    int irr = vlapic_highest_irr(a);
    uint32_t tpr = vlapic_cr8(a), threshold = 0;

    if (irr >= 0 && (uint32_t)irr >> 4 <= tpr)
        threshold = (uint32_t)irr >> 4;
    if (threshold == x->tpr_threshold)
        return;
    x->tpr_threshold = threshold;
    vmcs_write(VMCS_TPR_THRESHOLD, threshold);
}

static uint32_t apic_controls(const struct vlapic *a)
{
    if (likely(vlapic_in_x2apic_mode(a)))
        return vmx_caps.x2apic;
    return vlapic_mmio_enabled(a) ? vmx_caps.xapic : 0;
}

bool vmx_enter(struct vcpu *v)
{
    struct vmx_vcpu *x = vcpu_vmx(v);
    const struct regs *r = guest_regs();
    struct vlapic *a = vcpu_vlapic(v);
    uint32_t apic = apic_controls(a);

    if (unlikely(apic != x->apic))
        vmx_switch_apic(v, apic);
    if (x->event_set) {
        vmcs_write(VMCS_ENTRY_EVENT, 0);
        x->event_set = false;
    }
    hvm_enter(v);
    vmx_control(x, PROC_NMI_WINDOW, v->nmi_pending && v->nmi_masked);
    if (apic)
        set_interrupt_status(a);
    else
        set_tpr_threshold(x, a);
    invalidate(v, x);
    if (r->rip != x->rip)
        vmcs_write(VMCS_GUEST_RIP, x->rip = r->rip);
    if (r->rsp != x->rsp)
        vmcs_write(VMCS_GUEST_RSP, x->rsp = r->rsp);
    if (r->rflags != x->rflags)
        vmcs_write(VMCS_GUEST_RFLAGS, x->rflags = r->rflags);
    if (v->hvm->cr2 != read_cr2())
        write_cr2(v->hvm->cr2);
    return x->launched;
}

/* Exits */

static unsigned int insn_bytes(void)
{
    return (unsigned int)vmcs_read(VMCS_EXIT_INSN_BYTES);
}

static void emulate(struct vcpu *v, enum hvm_exit reason, void (*handler)(unsigned int bytes))
{
    v->hvm->exits[reason]++;
    handler(insn_bytes());
}

/*
 * Physical interrupts come as soon as they are let in. Not only when one ended the guest's stay: Bochs holds
 * them back while the guest has interrupts off, and a guest that leaves again before the preemption timer's
 * end would keep them away for ever.
 */
static void take_interrupt(void)
{
    __asm__ volatile("sti; nop; cli" ::: "memory");
}

/* The iret of an NMI handler faulted after it had ended the blocking of NMIs: it goes on. */
static void block_nmis_again(void)
{
    vmcs_write(VMCS_GUEST_INTERRUPTIBILITY, vmcs_read(VMCS_GUEST_INTERRUPTIBILITY) | INTERRUPTIBILITY_NMI);
}

static void debug_exception(struct vcpu *v)
{
    struct hvm_vcpu *h = v->hvm;

    if (h->debug_loaded)
        h->dr6 = read_dr6();
    h->dr6 |= vmcs_read(VMCS_EXIT_QUALIFICATION) & DEBUG_CONDITIONS;
    hvm_ops->update_debug(v);
    hvm_inject_exception(v, TRAP_DB, 0);
}

static void exception_exit(struct vcpu *v)
{
    uint64_t event = vmcs_read(VMCS_EXIT_EVENT);
    uint8_t vector = (uint8_t)event;

    if ((event >> VMX_EVENT_TYPE_SHIFT & 7) == HVM_EVENT_NMI) {
        v->hvm->exits[HVM_EXIT_INTERRUPT]++;
        __asm__ volatile("int $2" ::: "memory"); /* the CPU has taken it off the line */
        return;
    }
    v->hvm->exits[HVM_EXIT_EXCEPTION]++;
    if ((event & VMX_EVENT_NMI_UNBLOCKED) && !v->hvm->event.valid && vector != TRAP_DF)
        block_nmis_again();
    if (vector == TRAP_MC)
        __asm__ volatile("int $18" ::: "memory");
    else if (vector == TRAP_DB)
        debug_exception(v);
    else
        hvm_inject_exception(v, vector,
                             event & VMX_EVENT_ERROR_CODE ? (uint32_t)vmcs_read(VMCS_EXIT_ERROR_CODE) : 0);
}

static void cr_exit(struct vcpu *v)
{
    uint64_t q = vmcs_read(VMCS_EXIT_QUALIFICATION), value = 0;
    unsigned int cr = CR_NUMBER(q), bytes = insn_bytes();
    uint64_t *reg = regs_gpr(guest_regs(), CR_REGISTER(q));

    switch (CR_ACCESS(q)) {
    case 0:
        value = hvm_guest_mode(v) == 8 ? *reg : (uint32_t)*reg;
        break;
    case 1: /* only CR8 is not in a shadow, and that only while the local APIC has no page for it */
        *reg = vlapic_cr8(vcpu_vlapic(v));
        hvm_skip(v, bytes);
        return;
    case 2: /* clts */
        value = v->hvm->cr0 & ~CR0_TS;
        break;
    default: /* lmsw: the low four bits, and it cannot clear PE */
        value =
            (v->hvm->cr0 & ~(CR0_MP | CR0_EM | CR0_TS)) | (CR_LMSW(q) & (CR0_PE | CR0_MP | CR0_EM | CR0_TS));
        break;
    }
    if (hvm_write_cr(v, cr, value))
        hvm_skip(v, bytes);
}

static void io_exit(void)
{
    uint64_t q = vmcs_read(VMCS_EXIT_QUALIFICATION);

    hvm_exit_io(IO_PORT(q), IO_WIDTH(q), q & IO_IN, q & IO_STRING, insn_bytes());
}

static void ept_violation(struct vcpu *v)
{
    uint64_t q = vmcs_read(VMCS_EXIT_QUALIFICATION), gpa;

    if ((q & EPT_UNBLOCKED) && !v->hvm->event.valid)
        block_nmis_again();
    gpa = vmcs_read(VMCS_GUEST_PHYSICAL_ADDRESS);
    if (gpa >> PAGE_SHIFT != VLAPIC_PAGE_ADDRESS >> PAGE_SHIFT || !vmx_enter_apic_page(v))
        hvm_nested_fault(gpa, q & EPT_WRITE, q & EPT_FETCH);
}

/* An access to the xAPIC that the processor does not carry out. */
static void apic_access(void)
{
    uint64_t q = vmcs_read(VMCS_EXIT_QUALIFICATION);

    hvm_nested_fault(VLAPIC_PAGE_ADDRESS | APIC_ACCESS_OFFSET(q), APIC_ACCESS_TYPE(q) == APIC_ACCESS_WRITE,
                     APIC_ACCESS_TYPE(q) == APIC_ACCESS_FETCH);
}

/* A write that is in the page, and whose effect is left to us: the low half of the command register. */
static void apic_write(struct vcpu *v)
{
    struct vlapic *a = vcpu_vlapic(v);
    uint32_t offset = APIC_ACCESS_OFFSET(vmcs_read(VMCS_EXIT_QUALIFICATION)) & ~15U;

    vlapic_mmio_write(a, offset, 4, *vlapic_reg(a, offset));
}

static void rare_exit(struct vcpu *v, uint32_t reason)
{
    switch (reason) {
    case VMX_EXIT_TRIPLE_FAULT:
        hvm_triple_fault();
        break;
    case VMX_EXIT_INVD:
    case VMX_EXIT_WBINVD:
        hvm_skip(v, insn_bytes());
        break;
    case VMX_EXIT_RDPMC:
        hvm_inject_exception(v, TRAP_GP, 0);
        break;
    case VMX_EXIT_XSETBV:
        hvm_exit_xsetbv(insn_bytes());
        break;
    case VMX_EXIT_GETSEC:
    case VMX_EXIT_VMCLEAR ... VMX_EXIT_VMXON:
    case VMX_EXIT_MWAIT:
    case VMX_EXIT_MONITOR:
    case VMX_EXIT_INVEPT:
    case VMX_EXIT_INVVPID:
        hvm_inject_exception(v, TRAP_UD, 0);
        break;
    case VMX_EXIT_ENTRY_MACHINE_CHECK:
        __asm__ volatile("int $18" ::: "memory");
        break;
    case VMX_EXIT_INIT:
    case VMX_EXIT_SIPI:
    case VMX_EXIT_TPR_BELOW_THRESHOLD:
        break; /* hvm_enter() finds what is deliverable now */
    default:
        domain_crash(v->domain, "VT-x exit %u (%#lx)", reason, vmcs_read(VMCS_EXIT_QUALIFICATION));
        break;
    }
}

static void dispatch(struct vcpu *v, uint32_t reason)
{
    struct hvm_vcpu *h = v->hvm;

    switch (reason) {
    case VMX_EXIT_EXCEPTION_NMI:
        exception_exit(v);
        break;
    case VMX_EXIT_EXTERNAL_INTERRUPT:
    case VMX_EXIT_PREEMPTION_TIMER:
        h->exits[HVM_EXIT_INTERRUPT]++;
        break;
    case VMX_EXIT_NMI_WINDOW:
    case VMX_EXIT_INTERRUPT_WINDOW:
        h->exits[HVM_EXIT_WINDOW]++;
        break;
    case VMX_EXIT_EPT_VIOLATION:
        h->exits[HVM_EXIT_NESTED_FAULT]++;
        ept_violation(v);
        break;
    case VMX_EXIT_APIC_ACCESS:
        apic_access();
        break;
    case VMX_EXIT_APIC_WRITE:
        h->exits[HVM_EXIT_MMIO]++;
        apic_write(v);
        break;
    case VMX_EXIT_CPUID:
        emulate(v, HVM_EXIT_CPUID, hvm_exit_cpuid);
        break;
    case VMX_EXIT_RDMSR:
        emulate(v, HVM_EXIT_MSR, hvm_exit_rdmsr);
        break;
    case VMX_EXIT_WRMSR:
        emulate(v, HVM_EXIT_MSR, hvm_exit_wrmsr);
        break;
    case VMX_EXIT_VMCALL:
        emulate(v, HVM_EXIT_HYPERCALL, hvm_exit_hypercall);
        break;
    case VMX_EXIT_HLT:
        emulate(v, HVM_EXIT_HLT, hvm_exit_hlt);
        break;
    case VMX_EXIT_IO:
        h->exits[HVM_EXIT_IO]++;
        io_exit();
        break;
    case VMX_EXIT_CONTROL_REGISTER:
        h->exits[HVM_EXIT_CONTROL_REGISTER]++;
        cr_exit(v);
        break;
    case VMX_EXIT_MOV_DR:
        h->exits[HVM_EXIT_DEBUG_REGISTER]++;
        vmx_load_debug(v);
        break;
    default:
        h->exits[HVM_EXIT_OTHER]++;
        rare_exit(v, reason);
        break;
    }
}

/* An event that was on its way when the guest left is to be delivered again. */
static void keep_event(struct hvm_vcpu *h)
{
    uint64_t info = vmcs_read(VMCS_VECTORING_EVENT);
    uint8_t type = info >> VMX_EVENT_TYPE_SHIFT & 7;

    h->event.valid = false;
    if (likely(!(info & VMX_EVENT_VALID)))
        return;
    h->event = (struct hvm_event){
        .valid = true, .type = type, .vector = (uint8_t)info, .has_error_code = info & VMX_EVENT_ERROR_CODE
    };
    if (h->event.has_error_code)
        h->event.error_code = (uint32_t)vmcs_read(VMCS_VECTORING_ERROR_CODE);
    if (type >= HVM_EVENT_SOFTWARE)
        h->event.insn_bytes = (uint8_t)insn_bytes();
}

/* The CPU keeps the blocking of NMIs; the scheduler of events wants to know when it has ended. */
static void follow_nmi_blocking(struct vcpu *v)
{
    if (!(vmcs_read(VMCS_GUEST_INTERRUPTIBILITY) & INTERRUPTIBILITY_NMI) &&
        !(v->hvm->event.valid && v->hvm->event.type == HVM_EVENT_NMI))
        v->nmi_masked = false;
}

/* The CPU refused the guest's state: our mistake, or that of a guest whose state it cannot run. */
static void refused(struct vcpu *v, uint32_t reason)
{
    domain_crash(v->domain, "VT-x refused its state: reason %u, qualification %#lx", reason & 0xffff,
                 vmcs_read(VMCS_EXIT_QUALIFICATION));
    vmx_dump(v);
}

void vmx_exit(struct vcpu *v)
{
    struct hvm_vcpu *h = v->hvm;
    struct vmx_vcpu *x = h->vmx;
    struct regs *r = guest_regs();
    uint32_t reason = (uint32_t)vmcs_read(VMCS_EXIT_REASON);

    if (unlikely(reason & VMX_EXIT_ENTRY_FAILED)) {
        refused(v, reason);
        return;
    }
    x->launched = true;
    x->event_set = false;
    r->rip = x->rip = vmcs_read(VMCS_GUEST_RIP);
    r->rsp = x->rsp = vmcs_read(VMCS_GUEST_RSP);
    r->rflags = x->rflags = vmcs_read(VMCS_GUEST_RFLAGS);
    h->cr2 = read_cr2();
    h->cr3 = vmcs_read(VMCS_GUEST_CR3);
    keep_event(h);
    if (unlikely(v->nmi_masked))
        follow_nmi_blocking(v);
    take_interrupt();
    dispatch(v, reason & 0xffff);
}

void vmx_entry_failed(struct vcpu *v)
{
    domain_crash(v->domain, "VT-x did not enter the guest: instruction error %lu",
                 vmcs_read(VMCS_INSTRUCTION_ERROR));
    vmx_dump(v);
}
