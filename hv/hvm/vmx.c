/* SPDX-License-Identifier: MIT */
/*
 * Intel VT-x (SDM Vol. 3 chapters 23 to 28): what CPUs and vCPUs need, and the operations of struct hvm_ops.
 *
 * A VMCS is taken off its CPU (vmclear) whenever its vCPU is switched out, so that any CPU may load it
 * afterwards: to run the vCPU, or for a moment, to look at or set its registers (vmcs_borrow).
 */
#include "hv/cpu/cpuid.h"
#include "hv/cpu/current.h"
#include "hv/cpu/desc.h"
#include "hv/cpu/insn.h"
#include "hv/cpu/msr_index.h"
#include "hv/hvm/guest_walk.h"
#include "hv/hvm/vlapic_regs.h"
#include "hv/hvm/vmx.h"
#include "hv/io/console.h"
#include "hv/lib/errno.h"
#include "hv/lib/string.h"
#include "hv/mm/heap.h"
#include "hv/mm/paging.h"

#define CR0_NW      BIT(29)
#define CR0_CD      BIT(30)
#define CR4_VMXE    BIT(13)
#define DR7_RESET   0x400ULL
#define DR7_ENABLED 0xffULL
#define NO_LINK     (~0ULL)

/* SDM Vol. 3: an entry of the lists of MSRs that the processor loads. */
struct vmx_msr {
    uint32_t index, reserved;
    uint64_t value;
};

static uint8_t *msr_bitmap __ro_after_init;
static uint8_t *apic_msr_bitmap __ro_after_init;  /* the same, and the x2APIC's that the processor serves */
static struct vmx_msr *l1d_flush __ro_after_init; /* what the processor writes at entries; NULL: nothing */
static DEFINE_PER_CPU(uint64_t, loaded_vmcs);     /* physical address, 0 = none */
static DEFINE_PER_CPU(uint64_t, host_msr)[VMX_SHARED_MSRS];

/* EPT entries: readable, writable, executable; memory type; accessed and dirty are set so that nobody waits
 * for it. */
#define EPT_R    BIT(0)
#define EPT_W    BIT(1)
#define EPT_X    BIT(2)
#define EPT_WB   (6ULL << 3)
#define EPT_A    BIT(8)
#define EPT_D    BIT(9)
#define EPT_LEAF (EPT_R | EPT_WB | EPT_A | EPT_D)

static const struct p2m_format ept_format = {
    .table = EPT_R | EPT_W | EPT_X | EPT_A,
    .leaf = {
        [P2M_RAM] = EPT_LEAF | EPT_W | EPT_X,
        [P2M_RAM_RO] = EPT_LEAF | EPT_X,
        [P2M_LOGDIRTY] = EPT_LEAF | EPT_X,
        [P2M_SHARED] = EPT_LEAF | EPT_W,
        [P2M_GRANT] = EPT_LEAF | EPT_W,
        [P2M_GRANT_RO] = EPT_LEAF,
        [P2M_FOREIGN] = EPT_LEAF | EPT_W,
        [P2M_FOREIGN_RO] = EPT_LEAF,
        [P2M_MMIO] = EPT_R | EPT_W | EPT_A | EPT_D, /* uncacheable */
    },
};

static const uint32_t shared_msrs[VMX_SHARED_MSRS] = {
    [VMX_STAR] = MSR_STAR,
    [VMX_LSTAR] = MSR_LSTAR,
    [VMX_CSTAR] = MSR_CSTAR,
    [VMX_FMASK] = MSR_FMASK,
    [VMX_KERNEL_GS_BASE] = MSR_KERNEL_GS_BASE,
};

static const uint32_t direct_msrs[] = {
    MSR_SYSENTER_CS, MSR_SYSENTER_ESP, MSR_SYSENTER_EIP, MSR_FS_BASE, MSR_GS_BASE,
};

/* Start */

/* Of an MSR without an exit: a bit each, reads in the first half, in two ranges of 8192 MSRs. */
static void __init allow(uint8_t *bitmap, uint32_t msr, bool read, bool write)
{
    uint32_t base = msr & 0xc0000000U ? 0x400 : 0, at = base + (msr & 0x1fff) / 8;
    uint8_t mask = (uint8_t) ~(1U << msr % 8);

    if (read)
        bitmap[at] &= mask;
    if (write)
        bitmap[0x800 + at] &= mask;
}

/* Registers whose place in the page holds what a read returns; TPR, EOI and self IPI to be written. */
static void __init allow_x2apic(uint8_t *bitmap)
{
    static const uint32_t read[] = { APIC_ID,  APIC_LVR, APIC_TPR,   APIC_PPR, APIC_LDR,
                                     APIC_SVR, APIC_ESR, APIC_TMICT, APIC_TDCR };

    for (unsigned int i = 0; i < ARRAY_SIZE(read); i++)
        allow(bitmap, MSR_X2APIC_FIRST + read[i] / 16, true, false);
    for (uint32_t r = APIC_ISR; r < APIC_ESR; r += 16)
        allow(bitmap, MSR_X2APIC_FIRST + r / 16, true, false);
    for (uint32_t r = APIC_LVT_TIMER; r <= APIC_LVT_ERROR; r += 16)
        allow(bitmap, MSR_X2APIC_FIRST + r / 16, true, false);
    allow(bitmap, MSR_X2APIC_FIRST + APIC_TPR / 16, true, true);
    allow(bitmap, MSR_X2APIC_FIRST + APIC_EOI / 16, false, true);
    allow(bitmap, MSR_X2APIC_FIRST + APIC_SELF_IPI / 16, false, true);
}

/* L1TF: the cache is emptied as the last act of an entry, when the hypervisor leaves nothing in it any more.
 */
static bool __init make_l1d_flush(void)
{
    if (!host_cpu.l1d_flush)
        return true;
    l1d_flush = hv_alloc_pages(0, ALLOC_ZERO);
    if (l1d_flush)
        *l1d_flush = (struct vmx_msr){ .index = MSR_FLUSH_CMD, .value = FLUSH_CMD_L1D };
    return l1d_flush;
}

const char *__init vmx_detect(struct hvm_ops *ops)
{
    const char *bad = vmx_caps_detect();

    if (bad)
        return bad;
    msr_bitmap = hv_alloc_pages(0, 0);
    apic_msr_bitmap = hv_alloc_pages(0, 0);
    if (!msr_bitmap || !apic_msr_bitmap || !make_l1d_flush())
        return "out of memory for VT-x's bitmaps and lists";
    memset(msr_bitmap, 0xff, PAGE_SIZE);
    for (unsigned int i = 0; i < ARRAY_SIZE(direct_msrs); i++)
        allow(msr_bitmap, direct_msrs[i], true, true);
    for (unsigned int i = 0; i < ARRAY_SIZE(shared_msrs); i++)
        allow(msr_bitmap, shared_msrs[i], true, true);
    memcpy(apic_msr_bitmap, msr_bitmap, PAGE_SIZE);
    allow_x2apic(apic_msr_bitmap);
    *ops = vmx_ops;
    ops->p2m_max_order = vmx_caps.ept_vpid & EPT_CAP_1G ? P2M_ORDER_1G : P2M_ORDER_2M;
    return NULL;
}

static bool vmxon(uint64_t pa)
{
    bool bad;

    __asm__ volatile("vmxon %1" : "=@ccna"(bad) : "m"(pa) : "memory");
    return !bad;
}

static int vmx_cpu_enable(void)
{
    uint32_t *region = hv_alloc_pages(0, ALLOC_ZERO);
    uint64_t control, cr4 = read_cr4() | CR4_VMXE;

    if (!region)
        return -ENOMEM;
    if (rdmsr_safe(MSR_FEATURE_CONTROL, &control) && !(control & FEATURE_CONTROL_LOCK))
        wrmsr(MSR_FEATURE_CONTROL, control | FEATURE_CONTROL_LOCK | FEATURE_CONTROL_VMXON);
    region[0] = vmx_caps.revision;
    if ((vmx_caps.cr0_must & ~read_cr0()) || (vmx_caps.cr4_must & ~cr4)) {
        hv_free_pages(region, 0);
        return -ENODEV;
    }
    write_cr4(cr4);
    if (!vmxon(virt_to_phys(region))) {
        write_cr4(cr4 & ~CR4_VMXE);
        hv_free_pages(region, 0);
        return -ENODEV;
    }
    for (unsigned int i = 0; i < VMX_SHARED_MSRS; i++)
        this_cpu(host_msr)[i] = rdmsr(shared_msrs[i]);
    return 0;
}

/* Access to a VMCS that is not current */

static uint64_t vmcs_borrow(const struct vcpu *v)
{
    if (!vcpu_vmx(v)->loaded)
        vmcs_load(vcpu_vmx(v)->vmcs_pa);
    return this_cpu(loaded_vmcs);
}

/* `before`: what vmcs_borrow() returned. */
static void vmcs_return(const struct vcpu *v, uint64_t before)
{
    struct vmx_vcpu *x = vcpu_vmx(v);

    if (x->loaded)
        return;
    vmcs_clear(x->vmcs_pa);
    x->launched = false;
    if (before)
        vmcs_load(before);
}

static uint64_t vmcs_read_of(const struct vcpu *v, enum vmcs_field field)
{
    uint64_t before = vmcs_borrow(v), value = vmcs_read(field);

    vmcs_return(v, before);
    return value;
}

static void vmcs_write_of(const struct vcpu *v, enum vmcs_field field, uint64_t value)
{
    uint64_t before = vmcs_borrow(v);

    vmcs_write(field, value);
    vmcs_return(v, before);
}

void vmx_control(struct vmx_vcpu *x, uint64_t bits, bool on)
{
    uint32_t want = (uint32_t)(on ? x->proc | bits : x->proc & ~bits);

    if (want == x->proc)
        return;
    x->proc = want;
    vmcs_write(VMCS_PROC_CONTROLS, want);
}

void vmx_switch_apic(struct vcpu *v, uint32_t controls)
{
    bool x2apic = controls & PROC2_X2APIC;

    vcpu_vmx(v)->apic = controls;
    vmcs_write(VMCS_PROC_CONTROLS_2, vmx_caps.proc2 | controls);
    vmcs_write(VMCS_MSR_BITMAP, virt_to_phys(x2apic ? apic_msr_bitmap : msr_bitmap));
    vlapic_set_hardware(vcpu_vlapic(v), controls != 0);
}

bool vmx_enter_apic_page(struct vcpu *v)
{
    struct domain *d = v->domain;
    gfn_t g = gfn(VLAPIC_PAGE_ADDRESS >> PAGE_SHIFT);
    bool ok;

    if (!(vcpu_vmx(v)->apic & PROC2_APIC_ACCESS))
        return false;
    spin_lock(&d->mmu_lock);
    ok = p2m_is_empty(d, g, P2M_ORDER_4K) &&
         !p2m_set(d, g, virt_to_mfn(d->hvm->apic_page), P2M_ORDER_4K, P2M_MMIO);
    spin_unlock(&d->mmu_lock);
    return ok;
}

/*
 * The frame that stands for the xAPIC's page: the processor knows accesses by it, and no value is ever in it.
 * Each domain has its own, because a vCPU that uses an x2APIC could write there. 0, -ENOMEM.
 */
static int make_apic_page(struct domain *d)
{
    if (vmx_caps.xapic && !d->hvm->apic_page)
        d->hvm->apic_page = hv_alloc_pages(0, ALLOC_ZERO);
    return vmx_caps.xapic && !d->hvm->apic_page ? -ENOMEM : 0;
}

/* vCPUs */

static void write_controls(const struct vcpu *v, struct vmx_vcpu *x)
{
    vmcs_write(VMCS_PIN_CONTROLS, vmx_caps.pin);
    vmcs_write(VMCS_PROC_CONTROLS, x->proc);
    vmcs_write(VMCS_PROC_CONTROLS_2, vmx_caps.proc2);
    vmcs_write(VMCS_EXIT_CONTROLS, vmx_caps.exit);
    vmcs_write(VMCS_ENTRY_CONTROLS, x->entry);
    /* #DB and #AC can be raised for ever while they are delivered, and would keep the CPU. */
    vmcs_write(VMCS_EXCEPTION_BITMAP, BIT(TRAP_DB) | BIT(TRAP_AC) | BIT(TRAP_MC));
    vmcs_write(VMCS_MSR_BITMAP, virt_to_phys(msr_bitmap));
    vmcs_write(VMCS_VIRTUAL_APIC_PAGE, virt_to_phys(v->hvm->vlapic.regs));
    if (vmx_caps.xapic)
        vmcs_write(VMCS_APIC_ACCESS_PAGE, virt_to_phys(v->domain->hvm->apic_page));
    vmcs_write(VMCS_EPT_POINTER, virt_to_phys(v->domain->hvm->p2m.root) | EPTP_WB | EPTP_WALK_4);
    if (vmx_caps.proc2 & PROC2_VPID)
        vmcs_write(VMCS_VPID, ((v->domain->id & 0x3ffU) << 6 | v->id) + 1);
    /*
     * No stay in the guest is longer. The hardware starts the count anew with each entry, so that this costs
     * nothing; a lost or late interrupt (Bochs holds them back from a guest that was entered with IF off)
     * does not cost the CPU.
     */
    if (vmx_caps.pin & PIN_PREEMPTION_TIMER)
        vmcs_write(VMCS_PREEMPTION_TIMER, vmx_caps.stay);
    for (uint32_t i = 0; i < 4 && (vmx_caps.x2apic | vmx_caps.xapic); i++)
        vmcs_write((enum vmcs_field)(VMCS_EOI_EXIT_BITMAP + 2 * i), 0);
    vmcs_write(VMCS_LINK_POINTER, NO_LINK);
    vmcs_write(VMCS_CR0_MASK, ~0ULL);
    vmcs_write(VMCS_CR4_MASK, ~0ULL);
    vmcs_write(VMCS_CR3_TARGET_COUNT, 0);
    vmcs_write(VMCS_EXIT_MSR_STORE_COUNT, 0);
    vmcs_write(VMCS_EXIT_MSR_LOAD_COUNT, 0);
    vmcs_write(VMCS_ENTRY_MSR_LOAD_COUNT, l1d_flush ? 1 : 0);
    if (l1d_flush)
        vmcs_write(VMCS_ENTRY_MSR_LOAD_ADDRESS, virt_to_phys(l1d_flush));
    vmcs_write(VMCS_ENTRY_EVENT, 0);
    vmcs_write(VMCS_TPR_THRESHOLD, 0);
}

/* What is the same on all CPUs. */
static void write_host_state(void)
{
    vmcs_write(VMCS_HOST_ES_SELECTOR, 0);
    vmcs_write(VMCS_HOST_CS_SELECTOR, SEL_HV_CS);
    vmcs_write(VMCS_HOST_SS_SELECTOR, SEL_HV_DS);
    vmcs_write(VMCS_HOST_DS_SELECTOR, 0);
    vmcs_write(VMCS_HOST_FS_SELECTOR, 0);
    vmcs_write(VMCS_HOST_GS_SELECTOR, 0);
    vmcs_write(VMCS_HOST_TR_SELECTOR, SEL_TSS);
    vmcs_write(VMCS_HOST_FS_BASE, 0);
    vmcs_write(VMCS_HOST_GS_BASE, 0);
    vmcs_write(VMCS_HOST_CR3, virt_to_phys(idle_l4));
    vmcs_write(VMCS_HOST_PAT, PV_PAT);
    vmcs_write(VMCS_HOST_RIP, (uint64_t)vmx_exit_point);
}

static void write_guest_state(void)
{
    vmcs_write(VMCS_GUEST_DEBUGCTL, 0);
    vmcs_write(VMCS_GUEST_ACTIVITY, 0);
    vmcs_write(VMCS_GUEST_INTERRUPTIBILITY, 0);
    vmcs_write(VMCS_GUEST_PENDING_DEBUG, 0);
    vmcs_write(VMCS_GUEST_SYSENTER_CS, 0);
    vmcs_write(VMCS_GUEST_SYSENTER_ESP, 0);
    vmcs_write(VMCS_GUEST_SYSENTER_EIP, 0);
    vmcs_write(VMCS_GUEST_RSP, 0);
    vmcs_write(VMCS_GUEST_RIP, 0);
    vmcs_write(VMCS_GUEST_RFLAGS, 0);
}

static int vmx_vcpu_init(struct vcpu *v)
{
    struct vmx_vcpu *x = hv_zalloc(sizeof(*x));
    uint64_t before;

    if (!x)
        return -ENOMEM;
    v->hvm->vmx = x;
    x->vmcs = hv_alloc_pages(0, ALLOC_ZERO);
    if (!x->vmcs || make_apic_page(v->domain))
        return -ENOMEM;
    *(uint32_t *)x->vmcs = vmx_caps.revision;
    x->vmcs_pa = virt_to_phys(x->vmcs);
    x->proc = vmx_caps.proc;
    x->entry = vmx_caps.entry;
    vmcs_clear(x->vmcs_pa);
    before = vmcs_borrow(v);
    write_controls(v, x);
    write_host_state();
    write_guest_state();
    vmcs_return(v, before);
    return 0;
}

static void vmx_vcpu_free(struct vcpu *v)
{
    struct vmx_vcpu *x = vcpu_vmx(v);

    if (!x)
        return;
    if (x->vmcs)
        hv_free_pages(x->vmcs, 0);
    hv_free(x);
    v->hvm->vmx = NULL;
}

/* What is this CPU's, or may have changed since. */
static void write_cpu_state(void)
{
    struct desc_bases bases;

    desc_bases(&bases);
    vmcs_write(VMCS_HOST_GDTR_BASE, bases.gdt);
    vmcs_write(VMCS_HOST_IDTR_BASE, bases.idt);
    vmcs_write(VMCS_HOST_TR_BASE, bases.tss);
    vmcs_write(VMCS_HOST_CR0, read_cr0());
    vmcs_write(VMCS_HOST_CR4, read_cr4());
    vmcs_write(VMCS_HOST_EFER, rdmsr(MSR_EFER));
    vmcs_write(VMCS_HOST_RSP, (uint64_t)guest_regs());
    if (!host_cpu.sysenter)
        return;
    vmcs_write(VMCS_HOST_SYSENTER_CS, rdmsr(MSR_SYSENTER_CS));
    vmcs_write(VMCS_HOST_SYSENTER_ESP, rdmsr(MSR_SYSENTER_ESP));
    vmcs_write(VMCS_HOST_SYSENTER_EIP, rdmsr(MSR_SYSENTER_EIP));
}

/* The guest's debug registers stay in the CPU from its first access to one until it is switched out. */
static void save_debug(struct hvm_vcpu *h)
{
    h->dr[0] = read_dr0();
    h->dr[1] = read_dr1();
    h->dr[2] = read_dr2();
    h->dr[3] = read_dr3();
    h->dr6 = read_dr6();
    h->dr7 = vmcs_read(VMCS_GUEST_DR7);
    h->debug_loaded = false;
    vmcs_write(VMCS_GUEST_DR7, DR7_RESET);
    vmx_control(h->vmx, PROC_MOV_DR, true);
}

void vmx_load_debug(struct vcpu *v)
{
    struct hvm_vcpu *h = v->hvm;

    write_dr0(h->dr[0]);
    write_dr1(h->dr[1]);
    write_dr2(h->dr[2]);
    write_dr3(h->dr[3]);
    write_dr6(h->dr6);
    vmcs_write(VMCS_GUEST_DR7, h->dr7);
    vmx_control(h->vmx, PROC_MOV_DR, false);
    h->debug_loaded = true;
}

static void vmx_switch_from(struct vcpu *v)
{
    struct vmx_vcpu *x = vcpu_vmx(v);

    if (v->hvm->debug_loaded)
        save_debug(v->hvm);
    for (unsigned int i = 0; i < VMX_SHARED_MSRS; i++) {
        x->msr[i] = rdmsr(shared_msrs[i]);
        wrmsr(shared_msrs[i], this_cpu(host_msr)[i]);
    }
    vmcs_clear(x->vmcs_pa);
    x->loaded = x->launched = false;
    this_cpu(loaded_vmcs) = 0;
}

static void vmx_switch_to(struct vcpu *v)
{
    struct vmx_vcpu *x = vcpu_vmx(v);

    vmcs_load(x->vmcs_pa);
    this_cpu(loaded_vmcs) = x->vmcs_pa;
    x->loaded = true;
    write_cpu_state();
    for (unsigned int i = 0; i < VMX_SHARED_MSRS; i++)
        wrmsr(shared_msrs[i], x->msr[i]);
    /* Breakpoints that are set must fire: no waiting for the first access then. */
    if (v->hvm->dr7 & DR7_ENABLED)
        vmx_load_debug(v);
}

void __noreturn stack_reset_and_jump(void (*fn)(void)); /* hv/cpu/entry.S */

static void __noreturn vmx_resume(void)
{
    stack_reset_and_jump(vmx_guest_loop);
    __builtin_unreachable();
}

/* Registers */

/* Fields of segments stand 2 apart in the order ES CS SS DS FS GS LDTR TR (GDTR IDTR). */
static const uint8_t segment_index[HVM_SEGMENTS] = {
    [HVM_ES] = 0,  [HVM_CS] = 2,    [HVM_SS] = 4,  [HVM_DS] = 6,    [HVM_FS] = 8,
    [HVM_GS] = 10, [HVM_LDTR] = 12, [HVM_TR] = 14, [HVM_GDTR] = 16, [HVM_IDTR] = 18,
};

static bool is_table(enum hvm_segment_name s)
{
    return s == HVM_GDTR || s == HVM_IDTR;
}

/* AVL, L, D/B and G stand 4 bits higher than in hvm_segment; a segment that is not present is unusable. */
static void vmx_get_segment(const struct vcpu *v, enum hvm_segment_name s, struct hvm_segment *out)
{
    uint64_t before = vmcs_borrow(v);
    uint32_t i = segment_index[s], attr = VMX_ATTR_UNUSABLE;

    out->base = vmcs_read(VMCS_GUEST_ES_BASE + i);
    out->limit = (uint32_t)vmcs_read(VMCS_GUEST_ES_LIMIT + i);
    out->selector = 0;
    if (!is_table(s)) {
        attr = (uint32_t)vmcs_read(VMCS_GUEST_ES_ATTR + i);
        out->selector = (uint16_t)vmcs_read(VMCS_GUEST_ES_SELECTOR + i);
    }
    out->attr = (uint16_t)((attr & 0xff) | (attr >> 4 & 0xf00));
    if (attr & VMX_ATTR_UNUSABLE)
        out->attr &= (uint16_t)~HVM_ATTR_P;
    vmcs_return(v, before);
}

static void vmx_set_segment(struct vcpu *v, enum hvm_segment_name s, const struct hvm_segment *in)
{
    uint64_t before = vmcs_borrow(v);
    uint32_t i = segment_index[s], attr = (in->attr & 0xffU) | (in->attr & 0xf00U) << 4;

    vmcs_write(VMCS_GUEST_ES_BASE + i, in->base);
    vmcs_write(VMCS_GUEST_ES_LIMIT + i, in->limit);
    if (!is_table(s)) {
        vmcs_write(VMCS_GUEST_ES_SELECTOR + i, in->selector);
        vmcs_write(VMCS_GUEST_ES_ATTR + i, in->attr & HVM_ATTR_P ? attr : attr | VMX_ATTR_UNUSABLE);
    }
    vmcs_return(v, before);
}

/* With PAE paging the CPU takes the top entries from the VMCS when we, not it, changed what they depend on.
 */
static void load_pdptes(struct vcpu *v)
{
    const struct hvm_vcpu *h = v->hvm;
    uint64_t pdpte[4] = { 0 };

    if (!(h->cr0 & CR0_PG) || !(h->cr4 & CR4_PAE) || (h->efer & EFER_LMA))
        return;
    (void)guest_copy_phys(v->domain, pdpte, h->cr3 & 0xffffffe0, sizeof(pdpte), false);
    for (unsigned int i = 0; i < 4; i++)
        vmcs_write(VMCS_GUEST_PDPTE + 2 * i, pdpte[i]);
}

/* NE must be set; caches stay on whatever the guest says. All bits are ours, the guest reads the shadows. */
static void vmx_update_cr(struct vcpu *v, unsigned int cr)
{
    const struct hvm_vcpu *h = v->hvm;
    uint64_t before;

    if (cr == 2)
        return; /* the entry loads it */
    before = vmcs_borrow(v);
    vmcs_write(VMCS_GUEST_CR0, (h->cr0 | CR0_NE) & ~(CR0_CD | CR0_NW));
    vmcs_write(VMCS_CR0_SHADOW, h->cr0);
    vmcs_write(VMCS_GUEST_CR4, h->cr4 | CR4_VMXE);
    vmcs_write(VMCS_CR4_SHADOW, h->cr4);
    vmcs_write(VMCS_GUEST_CR3, h->cr3);
    load_pdptes(v);
    vmcs_return(v, before);
}

static void vmx_update_efer(struct vcpu *v)
{
    struct vmx_vcpu *x = vcpu_vmx(v);
    uint64_t before = vmcs_borrow(v);

    vmcs_write(VMCS_GUEST_EFER, v->hvm->efer);
    x->entry = (uint32_t)(v->hvm->efer & EFER_LMA ? x->entry | ENTRY_LONG_MODE : x->entry & ~ENTRY_LONG_MODE);
    vmcs_write(VMCS_ENTRY_CONTROLS, x->entry);
    load_pdptes(v);
    vmcs_return(v, before);
}

static void vmx_update_debug(struct vcpu *v)
{
    if (v->hvm->debug_loaded)
        write_dr6(v->hvm->dr6);
    vmcs_write_of(v, VMCS_GUEST_DR7, v->hvm->dr7);
}

static void vmx_update_tsc(struct vcpu *v)
{
    vmcs_write_of(v, VMCS_TSC_OFFSET, v->hvm->tsc_offset);
}

static void vmx_update_pat(struct vcpu *v)
{
    vmcs_write_of(v, VMCS_GUEST_PAT, v->hvm->pat);
}

/* The field of an MSR that the VMCS has; 0: none. */
static uint32_t msr_field(uint32_t msr)
{
    switch (msr) {
    case MSR_SYSENTER_CS:
        return VMCS_GUEST_SYSENTER_CS;
    case MSR_SYSENTER_ESP:
        return VMCS_GUEST_SYSENTER_ESP;
    case MSR_SYSENTER_EIP:
        return VMCS_GUEST_SYSENTER_EIP;
    case MSR_FS_BASE:
        return VMCS_GUEST_FS_BASE;
    case MSR_GS_BASE:
        return VMCS_GUEST_GS_BASE;
    default:
        return 0;
    }
}

static int shared_index(uint32_t msr)
{
    for (unsigned int i = 0; i < VMX_SHARED_MSRS; i++)
        if (shared_msrs[i] == msr)
            return (int)i;
    return -1;
}

static bool vmx_read_msr(const struct vcpu *v, uint32_t msr, uint64_t *value)
{
    uint32_t field = msr_field(msr);
    int i = shared_index(msr);

    if (field)
        *value = vmcs_read_of(v, (enum vmcs_field)field);
    else if (i >= 0)
        *value = vcpu_vmx(v)->loaded ? rdmsr(msr) : vcpu_vmx(v)->msr[i];
    return field || i >= 0;
}

static bool vmx_write_msr(struct vcpu *v, uint32_t msr, uint64_t value)
{
    uint32_t field = msr_field(msr);
    int i = shared_index(msr);

    if (field)
        vmcs_write_of(v, (enum vmcs_field)field, value);
    else if (i >= 0 && !vcpu_vmx(v)->loaded)
        vcpu_vmx(v)->msr[i] = value;
    else if (i >= 0)
        return wrmsr_safe(msr, value);
    return field || i >= 0;
}

/* Events */

static void vmx_inject(struct vcpu *v, const struct hvm_event *e)
{
    uint64_t info = e->vector | (uint64_t)e->type << VMX_EVENT_TYPE_SHIFT | VMX_EVENT_VALID;

    if (e->has_error_code) {
        info |= VMX_EVENT_ERROR_CODE;
        vmcs_write(VMCS_ENTRY_ERROR_CODE, e->error_code);
    }
    if (e->insn_bytes)
        vmcs_write(VMCS_ENTRY_INSN_BYTES, e->insn_bytes);
    if (e->type == HVM_EVENT_NMI) /* one that is delivered again may have left it set */
        vmcs_write(VMCS_GUEST_INTERRUPTIBILITY,
                   vmcs_read(VMCS_GUEST_INTERRUPTIBILITY) & ~INTERRUPTIBILITY_NMI);
    vmcs_write(VMCS_ENTRY_EVENT, info);
    vcpu_vmx(v)->event_set = true;
}

static bool vmx_interrupt_shadow(const struct vcpu *v)
{
    return vmcs_read_of(v, VMCS_GUEST_INTERRUPTIBILITY) & (INTERRUPTIBILITY_STI | INTERRUPTIBILITY_MOV_SS);
}

static void vmx_clear_shadow(struct vcpu *v)
{
    uint64_t before = vmcs_borrow(v), now = vmcs_read(VMCS_GUEST_INTERRUPTIBILITY);

    if (now & (INTERRUPTIBILITY_STI | INTERRUPTIBILITY_MOV_SS))
        vmcs_write(VMCS_GUEST_INTERRUPTIBILITY, now & ~(INTERRUPTIBILITY_STI | INTERRUPTIBILITY_MOV_SS));
    vmcs_return(v, before);
}

static void vmx_interrupt_window(struct vcpu *v, bool wanted)
{
    vmx_control(vcpu_vmx(v), PROC_INTERRUPT_WINDOW, wanted);
}

static void vmx_flush_guest_tlb(struct vcpu *v)
{
    vcpu_vmx(v)->flush = true;
}

void vmx_dump(const struct vcpu *v)
{
    static const char *const names[] = { "es", "cs", "ss", "ds", "fs", "gs", "gdtr", "ldtr", "idtr", "tr" };
    const struct hvm_vcpu *h = v->hvm;
    struct hvm_segment s;

    printk("cr0 %lx cr2 %lx cr3 %lx cr4 %lx efer %lx, exit %#lx (%#lx), event %#lx, vectoring %#lx, "
           "interruptibility %#lx\n",
           h->cr0, h->cr2, h->cr3, h->cr4, h->efer, vmcs_read_of(v, VMCS_EXIT_REASON),
           vmcs_read_of(v, VMCS_EXIT_QUALIFICATION), vmcs_read_of(v, VMCS_ENTRY_EVENT),
           vmcs_read_of(v, VMCS_VECTORING_EVENT), vmcs_read_of(v, VMCS_GUEST_INTERRUPTIBILITY));
    for (unsigned int i = 0; i < HVM_SEGMENTS; i++) {
        vmx_get_segment(v, (enum hvm_segment_name)i, &s);
        printk("%s %04x base %lx limit %x attr %03x%s", names[i], s.selector, s.base, s.limit, s.attr,
               i % 2 ? "\n" : "; ");
    }
}

const struct hvm_ops vmx_ops = {
    .name = "VT-x",
    .p2m_format = &ept_format,
    .hypercall = { 0x0f, 0x01, 0xc1 },
    .cpu_enable = vmx_cpu_enable,
    .vcpu_init = vmx_vcpu_init,
    .vcpu_free = vmx_vcpu_free,
    .switch_from = vmx_switch_from,
    .switch_to = vmx_switch_to,
    .resume = vmx_resume,
    .get_segment = vmx_get_segment,
    .set_segment = vmx_set_segment,
    .update_cr = vmx_update_cr,
    .update_efer = vmx_update_efer,
    .update_debug = vmx_update_debug,
    .update_tsc = vmx_update_tsc,
    .update_pat = vmx_update_pat,
    .read_msr = vmx_read_msr,
    .write_msr = vmx_write_msr,
    .inject = vmx_inject,
    .interrupt_shadow = vmx_interrupt_shadow,
    .clear_shadow = vmx_clear_shadow,
    .interrupt_window = vmx_interrupt_window,
    .flush_guest_tlb = vmx_flush_guest_tlb,
    .dump = vmx_dump,
};
