/* SPDX-License-Identifier: MIT */
/* AMD SVM (APM Vol. 2 ch. 15): what CPUs and vCPUs need, and the operations of struct hvm_ops. */
#include "hv/hvm/svm.h"
#include "hv/cpu/cpuid.h"
#include "hv/cpu/crash.h"
#include "hv/cpu/insn.h"
#include "hv/cpu/msr_index.h"
#include "hv/io/console.h"
#include "hv/lib/errno.h"
#include "hv/lib/string.h"
#include "hv/mm/frame.h"

#define CPUID_SVM        0x8000000aU
#define MSR_VM_CR        0xc0010114U
#define MSR_VM_HSAVE_PA  0xc0010117U
#define VM_CR_SVMDIS     BIT(4)
#define SVM_NPT          BIT(0)
#define SVM_NRIPS        BIT(3)
#define SVM_CLEAN        BIT(5)
#define SVM_FLUSH_ASID   BIT(6)
#define SVM_DECODE       BIT(7)
#define MSRPM_ORDER      1 /* 8 KiB: two bits for each of three ranges of 8192 MSRs */
#define IOPM_ORDER       2 /* 12 KiB, a bit for each port, and a little beyond */
#define MSRPM_RANGE      0x2000U
#define EFER_HOST_ALWAYS EFER_SVME /* what vmrun wants in the guest's EFER */

struct svm_caps svm_caps __ro_after_init;

static uint8_t *msr_bitmap __ro_after_init;
static uint8_t *io_bitmap __ro_after_init;
static DEFINE_PER_CPU(void *, host_save); /* VM_HSAVE_PA */

/* Next free id of this CPU; id 0 is the host's. All ids are taken back at once by a new generation. */
static DEFINE_PER_CPU(uint32_t, next_asid);
static DEFINE_PER_CPU(uint64_t, asid_generation);

/* Present entries are walked as user accesses (APM Vol. 2 §15.25.5). */
#define NPT_LEAF (PTE_P | PTE_US | PTE_A)

static const struct p2m_format npt_format = {
    .table = PTE_P | PTE_RW | PTE_US | PTE_A,
    .leaf = {
        [P2M_RAM] = NPT_LEAF | PTE_RW | PTE_D,
        [P2M_RAM_RO] = NPT_LEAF,
        [P2M_LOGDIRTY] = NPT_LEAF,
        [P2M_SHARED] = NPT_LEAF | PTE_RW | PTE_D | PTE_NX,
        [P2M_GRANT] = NPT_LEAF | PTE_RW | PTE_D | PTE_NX,
        [P2M_GRANT_RO] = NPT_LEAF | PTE_NX,
        [P2M_FOREIGN] = NPT_LEAF | PTE_RW | PTE_D | PTE_NX,
        [P2M_FOREIGN_RO] = NPT_LEAF | PTE_NX,
        [P2M_MMIO] = NPT_LEAF | PTE_RW | PTE_D | PTE_NX | PTE_PCD | PTE_PWT,
    },
};

static const uint32_t direct_msrs[] = {
    MSR_SYSENTER_CS, MSR_SYSENTER_ESP, MSR_SYSENTER_EIP, MSR_STAR,    MSR_LSTAR,
    MSR_CSTAR,       MSR_FMASK,        MSR_FS_BASE,      MSR_GS_BASE, MSR_KERNEL_GS_BASE,
};

/* Let the guest read and write an MSR that vmload and vmsave switch. */
static void __init allow_msr(uint32_t msr)
{
    uint32_t range = msr < MSRPM_RANGE ? 0 : msr - 0xc0000000U < MSRPM_RANGE ? 1 : 2;
    uint32_t bit = (range * MSRPM_RANGE + (msr & (MSRPM_RANGE - 1))) * 2;

    msr_bitmap[bit / 8] &= (uint8_t) ~(3U << (bit % 8));
}

static bool __init make_bitmaps(void)
{
    msr_bitmap = hv_alloc_pages(MSRPM_ORDER, 0);
    io_bitmap = hv_alloc_pages(IOPM_ORDER, 0);
    if (!msr_bitmap || !io_bitmap)
        return false;
    memset(msr_bitmap, 0xff, PAGE_SIZE << MSRPM_ORDER);
    memset(io_bitmap, 0xff, PAGE_SIZE << IOPM_ORDER);
    for (unsigned int i = 0; i < ARRAY_SIZE(direct_msrs); i++)
        allow_msr(direct_msrs[i]);
    return true;
}

const char *__init svm_detect(struct hvm_ops *ops)
{
    uint32_t a, b, c, d;
    uint64_t vm_cr;

    if (!host_cpu.svm || host_cpu.max_ext_leaf < CPUID_SVM)
        return "the CPU has no SVM";
    if (rdmsr_safe(MSR_VM_CR, &vm_cr) && (vm_cr & VM_CR_SVMDIS))
        return "SVM is disabled by the firmware";
    cpuid_count(CPUID_SVM, 0, &a, &b, &c, &d);
    if (!(d & SVM_NPT))
        return "SVM without nested paging";
    svm_caps = (struct svm_caps){ .next_rip = d & SVM_NRIPS,
                                  .clean_bits = d & SVM_CLEAN,
                                  .flush_by_asid = d & SVM_FLUSH_ASID,
                                  .decode_assists = d & SVM_DECODE,
                                  .asids = b };
    if (svm_caps.asids < 2)
        return "SVM without address space ids";
    if (!make_bitmaps())
        return "out of memory for SVM's bitmaps";
    *ops = svm_ops;
    ops->p2m_max_order = host_cpu.page1gb ? P2M_ORDER_1G : P2M_ORDER_2M;
    printk(LOG_INFO "hardware guests: AMD SVM with nested paging, %u address space ids%s%s%s%s\n", b,
           svm_caps.next_rip ? ", next rip" : "", svm_caps.clean_bits ? ", clean bits" : "",
           svm_caps.flush_by_asid ? ", flush by id" : "", svm_caps.decode_assists ? ", decode assists" : "");
    return NULL;
}

static int svm_cpu_enable(void)
{
    void *save = hv_alloc_pages(0, ALLOC_ZERO), *host = hv_alloc_pages(0, ALLOC_ZERO);

    if (!save || !host)
        return -ENOMEM;
    wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SVME);
    wrmsr(MSR_VM_HSAVE_PA, virt_to_phys(save));
    this_cpu(host_save) = save;
    this_cpu(asid_generation) = 1;
    this_cpu(next_asid) = 1;
    cpu_info()->host_state = virt_to_phys(host);
    __asm__ volatile("vmsave %0" ::"a"(virt_to_phys(host)) : "memory");
    return 0;
}

/* The generation of another CPU's ids says nothing here, so a vCPU that moved gets a new one. */
void svm_assign_asid(struct vcpu *v)
{
    struct hvm_vcpu *h = v->hvm;
    struct vmcb *vmcb = h->svm.vmcb;

    if (likely(h->svm.asid && h->svm.asid_cpu == this_cpu_id() &&
               h->svm.asid_generation == this_cpu(asid_generation)))
        return;
    vmcb->tlb_control = VMCB_TLB_NONE;
    if (this_cpu(next_asid) >= svm_caps.asids) {
        this_cpu(next_asid) = 1;
        this_cpu(asid_generation)++;
        vmcb->tlb_control = VMCB_TLB_FLUSH_ALL;
    }
    h->svm.asid = this_cpu(next_asid)++;
    h->svm.asid_cpu = this_cpu_id();
    h->svm.asid_generation = this_cpu(asid_generation);
    vmcb->asid = h->svm.asid;
    vmcb->clean = 0;
}

static void svm_flush_guest_tlb(struct vcpu *v)
{
    v->hvm->svm.asid = 0; /* nothing is cached for the id that it gets next */
}

static void set_intercepts(struct vmcb *vmcb)
{
    vmcb->intercept_cr = (uint32_t)(VMCB_CR_WRITE(4) | VMCB_CR_READ(8) | VMCB_CR_WRITE(8));
    vmcb->intercept_dr = 0xffffffff;
    /* #DB and #AC can be raised for ever while they are delivered, and would keep the CPU. */
    vmcb->intercept_exceptions = (uint32_t)(BIT(TRAP_DB) | BIT(TRAP_AC) | BIT(TRAP_MC));
    vmcb->intercept_1 =
        (uint32_t)(VMCB_I1_INTR | VMCB_I1_NMI | VMCB_I1_SMI | VMCB_I1_INIT | VMCB_I1_VINTR | VMCB_I1_RDPMC |
                   VMCB_I1_CPUID | VMCB_I1_INVD | VMCB_I1_HLT | VMCB_I1_INVLPGA | VMCB_I1_IO | VMCB_I1_MSR |
                   VMCB_I1_FERR | VMCB_I1_SHUTDOWN);
    vmcb->intercept_2 = (uint32_t)(VMCB_I2_VMRUN | VMCB_I2_VMMCALL | VMCB_I2_VMLOAD | VMCB_I2_VMSAVE |
                                   VMCB_I2_STGI | VMCB_I2_CLGI | VMCB_I2_SKINIT | VMCB_I2_WBINVD |
                                   VMCB_I2_MONITOR | VMCB_I2_MWAIT | VMCB_I2_XSETBV);
}

static int svm_vcpu_init(struct vcpu *v)
{
    struct vmcb *vmcb = hv_alloc_pages(0, ALLOC_ZERO);

    if (!vmcb)
        return -ENOMEM;
    v->hvm->svm.vmcb = vmcb;
    v->hvm->svm.vmcb_pa = virt_to_phys(vmcb);
    set_intercepts(vmcb);
    vmcb->iopm_pa = virt_to_phys(io_bitmap);
    vmcb->msrpm_pa = virt_to_phys(msr_bitmap);
    vmcb->int_ctl = VMCB_INT_MASKING;
    vmcb->np_enable = 1;
    vmcb->n_cr3 = virt_to_phys(v->domain->hvm->p2m.root);
    return 0;
}

static void svm_vcpu_free(struct vcpu *v)
{
    if (v->hvm->svm.vmcb)
        hv_free_pages(v->hvm->svm.vmcb, 0);
    v->hvm->svm.vmcb = NULL;
}

/* The guest's debug registers stay in the CPU from its first access to one until it is switched out. */
static void svm_switch_from(struct vcpu *v)
{
    struct hvm_vcpu *h = v->hvm;

    svm_notice_xsetbv(v);
    if (!h->debug_loaded)
        return;
    h->dr[0] = read_dr0();
    h->dr[1] = read_dr1();
    h->dr[2] = read_dr2();
    h->dr[3] = read_dr3();
    h->dr6 = h->svm.vmcb->dr6;
    h->dr7 = h->svm.vmcb->dr7;
    h->debug_loaded = false;
    h->svm.vmcb->intercept_dr = 0xffffffff;
    h->svm.vmcb->dr7 = DR7_RESET;
    h->svm.vmcb->clean = 0;
}

static void svm_switch_to(struct vcpu *v)
{
    struct hvm_vcpu *h = v->hvm;

    h->svm.vmcb->clean = 0;
    /* Breakpoints that are set must fire: no waiting for the first access then. */
    if (h->dr7 & DR7_ENABLED)
        svm_load_debug(v);
}

void svm_load_debug(struct vcpu *v)
{
    struct hvm_vcpu *h = v->hvm;

    write_dr0(h->dr[0]);
    write_dr1(h->dr[1]);
    write_dr2(h->dr[2]);
    write_dr3(h->dr[3]);
    h->svm.vmcb->dr6 = h->dr6;
    h->svm.vmcb->dr7 = h->dr7;
    h->svm.vmcb->intercept_dr = 0;
    h->svm.vmcb->clean = 0;
    h->debug_loaded = true;
}

void __noreturn stack_reset_and_jump(void (*fn)(void)); /* hv/cpu/entry.S */

static void __noreturn svm_resume(void)
{
    stack_reset_and_jump(svm_guest_loop);
    __builtin_unreachable();
}

static void svm_get_segment(const struct vcpu *v, enum hvm_segment_name s, struct hvm_segment *out)
{
    *out = vcpu_vmcb(v)->segment[s];
}

static void svm_set_segment(struct vcpu *v, enum hvm_segment_name s, const struct hvm_segment *in)
{
    struct vmcb *vmcb = vcpu_vmcb(v);

    vmcb->segment[s] = *in;
    if (s == HVM_SS)
        vmcb->cpl = (uint8_t)HVM_ATTR_DPL(in->attr);
    vmcb->clean = 0;
}

/* The hardware needs long mode active as well as enabled; the guest's own moves to CR0 do that by themselves.
 */
static void svm_update_efer(struct vcpu *v)
{
    vcpu_vmcb(v)->efer = v->hvm->efer | EFER_HOST_ALWAYS;
    vcpu_vmcb(v)->clean = 0;
}

static void svm_update_cr(struct vcpu *v, unsigned int cr)
{
    struct vmcb *vmcb = vcpu_vmcb(v);

    switch (cr) {
    case 0:
        vmcb->cr0 = v->hvm->cr0;
        break;
    case 2:
        vmcb->cr2 = v->hvm->cr2;
        break;
    case 3:
        vmcb->cr3 = v->hvm->cr3;
        break;
    default:
        vmcb->cr4 = v->hvm->cr4;
        break;
    }
    vmcb->clean = 0;
}

static void svm_update_debug(struct vcpu *v)
{
    struct vmcb *vmcb = vcpu_vmcb(v);

    vmcb->dr6 = v->hvm->dr6;
    vmcb->dr7 = v->hvm->dr7;
    vmcb->clean = 0;
}

static void svm_update_tsc(struct vcpu *v)
{
    vcpu_vmcb(v)->tsc_offset = v->hvm->tsc_offset;
    vcpu_vmcb(v)->clean = 0;
}

static void svm_update_pat(struct vcpu *v)
{
    vcpu_vmcb(v)->g_pat = v->hvm->pat;
    vcpu_vmcb(v)->clean = 0;
}

static uint64_t *msr_field(const struct vcpu *v, uint32_t msr)
{
    struct vmcb *vmcb = vcpu_vmcb(v);

    switch (msr) {
    case MSR_SYSENTER_CS:
        return &vmcb->sysenter_cs;
    case MSR_SYSENTER_ESP:
        return &vmcb->sysenter_esp;
    case MSR_SYSENTER_EIP:
        return &vmcb->sysenter_eip;
    case MSR_STAR:
        return &vmcb->star;
    case MSR_LSTAR:
        return &vmcb->lstar;
    case MSR_CSTAR:
        return &vmcb->cstar;
    case MSR_FMASK:
        return &vmcb->sfmask;
    case MSR_FS_BASE:
        return &vmcb->segment[HVM_FS].base;
    case MSR_GS_BASE:
        return &vmcb->segment[HVM_GS].base;
    case MSR_KERNEL_GS_BASE:
        return &vmcb->kernel_gs_base;
    default:
        return NULL;
    }
}

static bool svm_read_msr(const struct vcpu *v, uint32_t msr, uint64_t *value)
{
    const uint64_t *field = msr_field(v, msr);

    if (field)
        *value = *field;
    return field;
}

static bool svm_write_msr(struct vcpu *v, uint32_t msr, uint64_t value)
{
    uint64_t *field = msr_field(v, msr);

    if (field)
        *field = value;
    return field;
}

static void svm_inject(struct vcpu *v, const struct hvm_event *e)
{
    struct vmcb *vmcb = vcpu_vmcb(v);

    vmcb->event_inj = e->vector | (uint64_t)e->type << VMCB_EVENT_TYPE_SHIFT | VMCB_EVENT_VALID |
                      (e->has_error_code ? VMCB_EVENT_ERROR_CODE | (uint64_t)e->error_code << 32 : 0);
    if (e->type == HVM_EVENT_NMI)
        vmcb->intercept_1 |= (uint32_t)VMCB_I1_IRET; /* the end of the handler */
    vmcb->clean = 0;
}

static bool svm_interrupt_shadow(const struct vcpu *v)
{
    return vcpu_vmcb(v)->int_state & VMCB_STATE_SHADOW;
}

static void svm_clear_shadow(struct vcpu *v)
{
    vcpu_vmcb(v)->int_state &= ~VMCB_STATE_SHADOW;
}

/*
 * QEMU's TCG (7.2) delivers an injected interrupt within vmrun and leaves it noted as one to be delivered: if
 * anything makes its loop look at the CPU before the next exit or exception, the guest gets it once more,
 * with interrupts disabled. A virtual interrupt has no such fault: it is delivered by the loop, which then
 * clears V_IRQ (APM Vol. 2 §15.21.4), so that svm_exit() sees whether it was.
 */
static bool svm_offer_interrupt(struct vcpu *v, int pending)
{
    if (!host_cpu.tcg)
        return false;
    v->hvm->svm.offered = pending;
    v->hvm->svm.requested = true;
    vcpu_vmcb(v)->intercept_1 &= ~(uint32_t)VMCB_I1_VINTR;
    return true;
}

/*
 * A virtual interrupt is requested and intercepted at the moment when the guest could take it, unless it is
 * one that is offered to the guest.
 */
static void svm_interrupt_window(struct vcpu *v, bool wanted)
{
    struct hvm_vcpu *h = v->hvm;
    struct vmcb *vmcb = h->svm.vmcb;

    if (likely(!wanted && !h->svm.requested))
        return;
    h->svm.requested = wanted || h->svm.offered;
    vmcb->int_ctl = VMCB_INT_MASKING;
    if (h->svm.requested)
        vmcb->int_ctl |= VMCB_INT_VIRQ | VMCB_INT_PRIO_HIGHEST | VMCB_INT_IGN_TPR |
                         (uint64_t)(uint8_t)h->svm.offered << VMCB_INT_VECTOR_SHIFT;
    vmcb->clean = 0;
}

static void svm_dump(const struct vcpu *v)
{
    static const char *const names[] = { "es", "cs", "ss", "ds", "fs", "gs", "gdtr", "ldtr", "idtr", "tr" };
    const struct vmcb *m = vcpu_vmcb(v);

    printk("cr0 %lx cr2 %lx cr3 %lx cr4 %lx efer %lx cpl %u, exit %#lx (%#lx, %#lx), event %#lx\n", m->cr0,
           m->cr2, m->cr3, m->cr4, m->efer, m->cpl, m->exit_code, m->exit_info1, m->exit_info2,
           m->exit_int_info);
    for (unsigned int i = 0; i < HVM_SEGMENTS; i++)
        printk("%s %04x base %lx limit %x attr %03x%s", names[i], m->segment[i].selector, m->segment[i].base,
               m->segment[i].limit, m->segment[i].attr, i % 2 ? "\n" : "; ");
}

const struct hvm_ops svm_ops = {
    .name = "SVM",
    .hypercall = { 0x0f, 0x01, 0xd9 },
    .p2m_format = &npt_format,
    .cpu_enable = svm_cpu_enable,
    .vcpu_init = svm_vcpu_init,
    .vcpu_free = svm_vcpu_free,
    .switch_from = svm_switch_from,
    .switch_to = svm_switch_to,
    .resume = svm_resume,
    .get_segment = svm_get_segment,
    .set_segment = svm_set_segment,
    .update_cr = svm_update_cr,
    .update_efer = svm_update_efer,
    .update_debug = svm_update_debug,
    .update_tsc = svm_update_tsc,
    .update_pat = svm_update_pat,
    .read_msr = svm_read_msr,
    .write_msr = svm_write_msr,
    .inject = svm_inject,
    .offer_interrupt = svm_offer_interrupt,
    .interrupt_shadow = svm_interrupt_shadow,
    .clear_shadow = svm_clear_shadow,
    .interrupt_window = svm_interrupt_window,
    .flush_guest_tlb = svm_flush_guest_tlb,
    .dump = svm_dump,
};
