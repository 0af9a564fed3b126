/* SPDX-License-Identifier: MIT */
/* Between two stays of an SVM guest on the CPU: what it left for, in terms of hv/hvm/hvm.h. */
#include "hv/cpu/apic.h"
#include "hv/cpu/insn.h"
#include "hv/cpu/msr_index.h"
#include "hv/hvm/guest_walk.h"
#include "hv/hvm/interrupt.h"
#include "hv/hvm/svm.h"
#include "hv/io/console.h"
#include "hv/lib/string.h"

#define INSN_MAX       15
#define IO_WIDTH(info) (((info) >> 4) & 7)
#define IO_PORT(info)  ((uint16_t)((info) >> 16))
/* exit_info1 of a nested page fault, as a page fault's error code. */
#define NPF_WRITE BIT(1)
#define NPF_FETCH BIT(4)

uint64_t svm_enter(struct vcpu *v)
{
    struct vmcb *vmcb = vcpu_vmcb(v);
    const struct regs *r = guest_regs();

    hvm_enter(v);
    svm_assign_asid(v);
    vmcb->rax = r->rax;
    vmcb->rip = r->rip;
    vmcb->rsp = r->rsp;
    vmcb->rflags = r->rflags;
    return v->hvm->svm.vmcb_pa;
}

static bool is_prefix(uint8_t b, bool rex)
{
    switch (b) {
    case 0x26:
    case 0x2e:
    case 0x36:
    case 0x3e:
    case 0x64 ... 0x67:
    case 0xf0:
    case 0xf2:
    case 0xf3:
        return true;
    default:
        return rex && (b & 0xf0) == 0x40;
    }
}

/* How many prefixes stand before the opcode in insn[n]; the last REX goes to *rex. */
static unsigned int skip_prefixes(const struct vcpu *v, const uint8_t *insn, unsigned int n, uint8_t *rex)
{
    bool long_mode = hvm_guest_mode(v) == 8;
    unsigned int i = 0;

    *rex = 0;
    while (i < n && is_prefix(insn[i], long_mode)) {
        *rex = (insn[i] & 0xf0) == 0x40 && long_mode ? insn[i] : 0;
        i++;
    }
    return i;
}

unsigned int svm_insn_bytes(struct vcpu *v, const uint8_t *opcode, unsigned int len)
{
    const struct vmcb *vmcb = vcpu_vmcb(v);
    uint8_t insn[INSN_MAX], rex;
    unsigned int n, i;

    if (svm_caps.next_rip && vmcb->next_rip - vmcb->rip <= INSN_MAX)
        return (unsigned int)(vmcb->next_rip - vmcb->rip);
    /* Most instructions have no prefix: look at no more than needed, which may be all that is mapped. */
    n = guest_fetch(v, insn, len);
    if (n == len && !memcmp(insn, opcode, len))
        return len;
    n = guest_fetch(v, insn, INSN_MAX);
    i = skip_prefixes(v, insn, n, &rex);
    return i + len <= n && !memcmp(insn + i, opcode, len) ? i + len : 0;
}

static uint64_t *general_register(struct regs *r, unsigned int n)
{
    uint64_t *const all[16] = { &r->rax, &r->rcx, &r->rdx, &r->rbx, &r->rsp, &r->rbp, &r->rsi, &r->rdi,
                                &r->r8,  &r->r9,  &r->r10, &r->r11, &r->r12, &r->r13, &r->r14, &r->r15 };

    return all[n & 15];
}

/* mov to and from CR4 and CR8: 0f 22 /r and 0f 20 /r. The only forms that are intercepted. */
static void mov_cr(struct vcpu *v, unsigned int cr, bool write)
{
    uint8_t insn[INSN_MAX], rex;
    unsigned int n = guest_fetch(v, insn, INSN_MAX), i = skip_prefixes(v, insn, n, &rex);
    uint64_t *reg, value;

    if (i + 3 > n || insn[i] != 0x0f || insn[i + 1] != (write ? 0x22 : 0x20)) {
        hvm_inject_exception(v, TRAP_UD, 0);
        return;
    }
    reg = general_register(guest_regs(), (insn[i + 2] & 7) | (rex & 1) << 3);
    if (!write) {
        *reg = vlapic_cr8(vcpu_vlapic(v));
    } else {
        value = hvm_guest_mode(v) == 8 ? *reg : (uint32_t)*reg;
        if (!hvm_write_cr(v, cr, value))
            return;
    }
    hvm_skip(v, i + 3);
}

static void exception_exit(struct vcpu *v, unsigned int vector, uint32_t error_code)
{
    struct vmcb *vmcb = vcpu_vmcb(v);

    if (vector == TRAP_DB)
        v->hvm->dr6 = vmcb->dr6;
    if (vector != TRAP_MC) /* the hypervisor's own handler runs with the next interrupt window */
        hvm_inject_exception(v, (uint8_t)vector, error_code);
}

/* An instruction that is there for the hypervisor only. */
static void refuse_instruction(struct vcpu *v)
{
    hvm_inject_exception(v, TRAP_UD, 0);
}

/* Physical interrupts come as soon as they are let in; the NMI came with stgi. */
static void take_interrupt(void)
{
    __asm__ volatile("sti; nop; cli" ::: "memory");
}

static const uint8_t op_cpuid[] = { 0x0f, 0xa2 }, op_rdmsr[] = { 0x0f, 0x32 }, op_wrmsr[] = { 0x0f, 0x30 },
                     op_hlt[] = { 0xf4 }, op_vmmcall[] = { 0x0f, 0x01, 0xd9 },
                     op_xsetbv[] = { 0x0f, 0x01, 0xd1 }, op_wbinvd[] = { 0x0f, 0x09 },
                     op_invd[] = { 0x0f, 0x08 };

/* Run `handler` with the length of the instruction; without one, the code has changed: let it run again. */
static void emulate(struct vcpu *v, enum hvm_exit reason, const uint8_t *opcode, unsigned int len,
                    void (*handler)(unsigned int bytes))
{
    unsigned int bytes = svm_insn_bytes(v, opcode, len);

    v->hvm->exits[reason]++;
    if (bytes)
        handler(bytes);
    else
        hvm_inject_exception(v, TRAP_UD, 0);
}

static void no_operation(unsigned int bytes)
{
    hvm_skip(current, bytes);
}

static void io_exit(struct vcpu *v)
{
    const struct vmcb *vmcb = vcpu_vmcb(v);
    uint64_t info = vmcb->exit_info1;

    hvm_exit_io(IO_PORT(info), IO_WIDTH(info), info & VMCB_IO_IN, info & VMCB_IO_STRING,
                (unsigned int)(vmcb->exit_info2 - vmcb->rip));
}

static void iret_exit(struct vcpu *v)
{
    struct vmcb *vmcb = vcpu_vmcb(v);

    vmcb->intercept_1 &= ~(uint32_t)VMCB_I1_IRET;
    vmcb->clean = 0;
    v->nmi_masked = false;
}

static void rare_exit(struct vcpu *v, uint64_t code)
{
    struct vmcb *vmcb = vcpu_vmcb(v);

    switch (code) {
    case SVM_CR_READ + 8:
        mov_cr(v, 8, false);
        break;
    case SVM_CR_WRITE + 4:
    case SVM_CR_WRITE + 8:
        mov_cr(v, (unsigned int)(code - SVM_CR_WRITE), true);
        break;
    case SVM_DR_READ ... SVM_DR_WRITE + 15:
        svm_load_debug(v);
        break;
    case SVM_EXCEPTION ... SVM_EXCEPTION + 31:
        exception_exit(v, (unsigned int)(code - SVM_EXCEPTION), (uint32_t)vmcb->exit_info1);
        break;
    case SVM_IRET:
        iret_exit(v);
        break;
    case SVM_RDPMC:
        hvm_inject_exception(v, TRAP_GP, 0);
        break;
    case SVM_WBINVD:
        emulate(v, HVM_EXIT_OTHER, op_wbinvd, sizeof(op_wbinvd), no_operation);
        break;
    case SVM_INVD:
        emulate(v, HVM_EXIT_OTHER, op_invd, sizeof(op_invd), no_operation);
        break;
    case SVM_XSETBV:
        emulate(v, HVM_EXIT_OTHER, op_xsetbv, sizeof(op_xsetbv), hvm_exit_xsetbv);
        break;
    case SVM_SHUTDOWN:
        hvm_triple_fault();
        break;
    case SVM_INVLPGA:
    case SVM_VMRUN:
    case SVM_VMLOAD ... SVM_SKINIT:
    case SVM_MONITOR ... SVM_MWAIT_COND:
        refuse_instruction(v);
        break;
    case SVM_SMI:
    case SVM_INIT:
    case SVM_FERR:
        break;
    default:
        domain_crash(v->domain, "SVM exit %#lx (%#lx, %#lx)", code, vmcb->exit_info1, vmcb->exit_info2);
        break;
    }
}

static enum hvm_exit rare_reason(uint64_t code)
{
    if (code < SVM_DR_READ)
        return HVM_EXIT_CONTROL_REGISTER;
    if (code < SVM_EXCEPTION)
        return HVM_EXIT_DEBUG_REGISTER;
    return code < SVM_INTR ? HVM_EXIT_EXCEPTION : HVM_EXIT_OTHER;
}

/*
 * QEMU's TCG forgets an interrupt shadow at vmrun (7.2). What comes between sti and hlt would be delivered
 * before the hlt, which then sleeps in spite of it: execute the hlt here.
 */
static __noinline void finish_shadowed_hlt(struct vcpu *v)
{
    uint8_t insn;

    if (!(vcpu_vmcb(v)->int_state & VMCB_STATE_SHADOW) || hvm_cpl(v))
        return;
    if (guest_fetch(v, &insn, sizeof(insn)) == sizeof(insn) && insn == op_hlt[0])
        hvm_exit_hlt(sizeof(op_hlt));
}

static void dispatch(struct vcpu *v, uint64_t code)
{
    struct vmcb *vmcb = vcpu_vmcb(v);

    switch (code) {
    case SVM_INTR:
    case SVM_NMI:
        v->hvm->exits[HVM_EXIT_INTERRUPT]++;
        take_interrupt();
        if (unlikely(host_cpu.tcg))
            finish_shadowed_hlt(v);
        break;
    case SVM_VINTR:
        v->hvm->exits[HVM_EXIT_WINDOW]++;
        break; /* hvm_enter() finds the interrupt deliverable now */
    case SVM_NPF:
        v->hvm->exits[HVM_EXIT_NESTED_FAULT]++;
        hvm_nested_fault(vmcb->exit_info2, vmcb->exit_info1 & NPF_WRITE, vmcb->exit_info1 & NPF_FETCH);
        break;
    case SVM_CPUID:
        svm_notice_xsetbv(v);
        emulate(v, HVM_EXIT_CPUID, op_cpuid, sizeof(op_cpuid), hvm_exit_cpuid);
        break;
    case SVM_MSR:
        if (vmcb->exit_info1)
            emulate(v, HVM_EXIT_MSR, op_wrmsr, sizeof(op_wrmsr), hvm_exit_wrmsr);
        else
            emulate(v, HVM_EXIT_MSR, op_rdmsr, sizeof(op_rdmsr), hvm_exit_rdmsr);
        break;
    case SVM_VMMCALL:
        emulate(v, HVM_EXIT_HYPERCALL, op_vmmcall, sizeof(op_vmmcall), hvm_exit_hypercall);
        break;
    case SVM_HLT:
        emulate(v, HVM_EXIT_HLT, op_hlt, sizeof(op_hlt), hvm_exit_hlt);
        break;
    case SVM_IO:
        v->hvm->exits[HVM_EXIT_IO]++;
        io_exit(v);
        break;
    default:
        v->hvm->exits[rare_reason(code)]++;
        rare_exit(v, code);
        break;
    }
}

/* An event that was on its way when the guest left is to be delivered again. */
static void keep_event(struct hvm_vcpu *h, uint64_t info)
{
    h->event.valid = false;
    if (likely(!(info & VMCB_EVENT_VALID)))
        return;
    h->event = (struct hvm_event){ .valid = true,
                                   .type = (info >> VMCB_EVENT_TYPE_SHIFT) & 7,
                                   .vector = (uint8_t)info,
                                   .has_error_code = info & VMCB_EVENT_ERROR_CODE,
                                   .error_code = (uint32_t)(info >> 32) };
}

/*
 * What became of the interrupt that the guest was offered: taken, or pending as before. One that was on its
 * way (its delivery made a nested page fault) is reported like an exception, as QEMU does.
 */
static void settle_offer(struct vcpu *v)
{
    struct hvm_event *e = &v->hvm->event;
    struct vmcb *vmcb = vcpu_vmcb(v);
    int offered = v->hvm->svm.offered;

    v->hvm->svm.offered = 0;
    vmcb->intercept_1 |= (uint32_t)VMCB_I1_VINTR;
    if (!(vmcb->int_ctl & VMCB_INT_VIRQ))
        hvm_interrupt_taken(v, offered);
    else if (e->type != HVM_EVENT_SOFTWARE && e->vector == (uint8_t)offered)
        e->valid = false;
}

/*
 * QEMU's TCG notes the virtual interrupt that vmrun requests without its lock, beside the flags by which
 * other CPUs and timers announce physical ones, and may lose one of these: the APIC holds the interrupt, and
 * the CPU never looks.
 */
static __noinline void after_virtual_interrupt(struct vcpu *v)
{
    if (host_cpu.tcg)
        apic_recheck();
    if (v->hvm->svm.offered)
        settle_offer(v);
}

void svm_exit(struct vcpu *v)
{
    struct hvm_vcpu *h = v->hvm;
    struct vmcb *vmcb = h->svm.vmcb;
    struct regs *r = guest_regs();

    r->rax = vmcb->rax;
    r->rip = vmcb->rip;
    r->rsp = vmcb->rsp;
    r->rflags = vmcb->rflags;
    r->cs = vmcb->segment[HVM_CS].selector;
    h->cr0 = vmcb->cr0;
    h->cr3 = vmcb->cr3;
    h->efer = vmcb->efer & ~EFER_SVME;
    vmcb->event_inj = 0;
    vmcb->tlb_control = VMCB_TLB_NONE;
    vmcb->clean = svm_caps.clean_bits ? ~0U : 0;
    keep_event(h, vmcb->exit_int_info);
    if (unlikely(h->svm.requested))
        after_virtual_interrupt(v);
    dispatch(v, vmcb->exit_code);
}
