/* SPDX-License-Identifier: MIT */
#include "hv/hvm/context.h"
#include "hv/cpu/fpu.h"
#include "hv/cpu/insn.h"
#include "hv/cpu/msr_index.h"
#include "hv/lib/errno.h"
#include "hv/lib/string.h"

#define ATTR_CODE64  0x0a9bU
#define ATTR_DATA64  0x0c93U
#define ATTR_LDT     0x0082U
#define ATTR_TSS     0x008bU
#define ATTR_VALID   0x0fffU
#define RFLAGS_VALID 0x3f7fd7U
#define TSS_LIMIT    0x67U

/* The segment fields of the record, which come in groups: `o` is an operation on one segment. */
#define FOR_EACH_SEGMENT(o) \
    o(CS, cs) o(DS, ds) o(ES, es) o(FS, fs) o(GS, gs) o(SS, ss) o(TR, tr) o(LDTR, ldtr)

static void get_segments(const struct vcpu *v, struct hvm_hw_cpu *c)
{
    struct hvm_segment s;

#define GET_SEGMENT(name, field)             \
    hvm_ops->get_segment(v, HVM_##name, &s); \
    c->field##_sel = s.selector;             \
    c->field##_limit = s.limit;              \
    c->field##_base = s.base;                \
    c->field##_arbytes = s.attr;
    FOR_EACH_SEGMENT(GET_SEGMENT)
#undef GET_SEGMENT
    hvm_ops->get_segment(v, HVM_IDTR, &s);
    c->idtr_limit = s.limit;
    c->idtr_base = s.base;
    hvm_ops->get_segment(v, HVM_GDTR, &s);
    c->gdtr_limit = s.limit;
    c->gdtr_base = s.base;
}

static void get_msrs(const struct vcpu *v, struct hvm_hw_cpu *c)
{
    (void)hvm_ops->read_msr(v, MSR_SYSENTER_CS, &c->sysenter_cs);
    (void)hvm_ops->read_msr(v, MSR_SYSENTER_ESP, &c->sysenter_esp);
    (void)hvm_ops->read_msr(v, MSR_SYSENTER_EIP, &c->sysenter_eip);
    (void)hvm_ops->read_msr(v, MSR_KERNEL_GS_BASE, &c->shadow_gs);
    (void)hvm_ops->read_msr(v, MSR_LSTAR, &c->msr_lstar);
    (void)hvm_ops->read_msr(v, MSR_STAR, &c->msr_star);
    (void)hvm_ops->read_msr(v, MSR_CSTAR, &c->msr_cstar);
    (void)hvm_ops->read_msr(v, MSR_FMASK, &c->msr_syscall_mask);
}

void hvm_get_cpu(struct vcpu *v, struct hvm_hw_cpu *c)
{
    const struct hvm_vcpu *h = v->hvm;
    const struct regs *r = &v->regs;

    *c = (struct hvm_hw_cpu){
        .rax = r->rax,
        .rbx = r->rbx,
        .rcx = r->rcx,
        .rdx = r->rdx,
        .rbp = r->rbp,
        .rsi = r->rsi,
        .rdi = r->rdi,
        .rsp = r->rsp,
        .r8 = r->r8,
        .r9 = r->r9,
        .r10 = r->r10,
        .r11 = r->r11,
        .r12 = r->r12,
        .r13 = r->r13,
        .r14 = r->r14,
        .r15 = r->r15,
        .rip = r->rip,
        .rflags = r->rflags,
        .cr0 = h->cr0,
        .cr2 = h->cr2,
        .cr3 = h->cr3,
        .cr4 = h->cr4,
        .dr0 = h->dr[0],
        .dr1 = h->dr[1],
        .dr2 = h->dr[2],
        .dr3 = h->dr[3],
        .dr6 = h->dr6,
        .dr7 = h->dr7,
        .msr_efer = h->efer,
        .msr_tsc_aux = h->tsc_aux,
        .tsc = rdtsc() + h->tsc_offset,
        .flags = XEN_X86_FPU_INITIALISED,
    };
    fpu_export_legacy(v, c->fpu_regs);
    get_segments(v, c);
    get_msrs(v, c);
}

static void set_segments(struct vcpu *v, const struct hvm_hw_cpu *c)
{
    struct hvm_segment s;

#define SET_SEGMENT(name, field)                                       \
    s = (struct hvm_segment){ .selector = (uint16_t)c->field##_sel,    \
                              .attr = c->field##_arbytes & ATTR_VALID, \
                              .limit = c->field##_limit,               \
                              .base = c->field##_base };               \
    hvm_ops->set_segment(v, HVM_##name, &s);
    FOR_EACH_SEGMENT(SET_SEGMENT)
#undef SET_SEGMENT
    s = (struct hvm_segment){ .limit = c->idtr_limit, .base = c->idtr_base };
    hvm_ops->set_segment(v, HVM_IDTR, &s);
    s = (struct hvm_segment){ .limit = c->gdtr_limit, .base = c->gdtr_base };
    hvm_ops->set_segment(v, HVM_GDTR, &s);
}

static void set_general(struct regs *r, const struct hvm_hw_cpu *c)
{
    *r = (struct regs){ .rax = c->rax,
                        .rbx = c->rbx,
                        .rcx = c->rcx,
                        .rdx = c->rdx,
                        .rbp = c->rbp,
                        .rsi = c->rsi,
                        .rdi = c->rdi,
                        .rsp = c->rsp,
                        .r8 = c->r8,
                        .r9 = c->r9,
                        .r10 = c->r10,
                        .r11 = c->r11,
                        .r12 = c->r12,
                        .r13 = c->r13,
                        .r14 = c->r14,
                        .r15 = c->r15,
                        .rip = c->rip,
                        .rflags = (c->rflags & RFLAGS_VALID) | X86_EFLAGS_MBS };
}

static void set_msrs(struct vcpu *v, const struct hvm_hw_cpu *c)
{
    (void)hvm_ops->write_msr(v, MSR_SYSENTER_CS, c->sysenter_cs);
    (void)hvm_ops->write_msr(v, MSR_SYSENTER_ESP, c->sysenter_esp);
    (void)hvm_ops->write_msr(v, MSR_SYSENTER_EIP, c->sysenter_eip);
    (void)hvm_ops->write_msr(v, MSR_KERNEL_GS_BASE, c->shadow_gs);
    (void)hvm_ops->write_msr(v, MSR_LSTAR, c->msr_lstar);
    (void)hvm_ops->write_msr(v, MSR_STAR, c->msr_star);
    (void)hvm_ops->write_msr(v, MSR_CSTAR, c->msr_cstar);
    (void)hvm_ops->write_msr(v, MSR_FMASK, c->msr_syscall_mask);
}

/* What the CPU would refuse with #GP: some of these are loaded by the hypervisor. */
static bool msrs_valid(const struct hvm_hw_cpu *c)
{
    return is_canonical(c->sysenter_esp) && is_canonical(c->sysenter_eip) && is_canonical(c->shadow_gs) &&
           is_canonical(c->msr_lstar) && is_canonical(c->msr_cstar) && !(c->msr_syscall_mask >> 32);
}

int hvm_set_cpu(struct vcpu *v, const struct hvm_hw_cpu *c)
{
    struct hvm_vcpu *h = v->hvm;
    int rc;

    if (!msrs_valid(c))
        return -EINVAL;
    rc = hvm_set_control(v, c->cr0, c->cr3, c->cr4, c->msr_efer);
    if (rc)
        return rc;
    h->cr2 = c->cr2;
    h->dr[0] = c->dr0;
    h->dr[1] = c->dr1;
    h->dr[2] = c->dr2;
    h->dr[3] = c->dr3;
    h->dr6 = (uint32_t)c->dr6;
    h->dr7 = (uint32_t)c->dr7;
    h->tsc_aux = (uint32_t)c->msr_tsc_aux;
    if (c->tsc) /* a builder leaves it 0: the guest's clock then is the machine's */
        h->tsc_offset = c->tsc - rdtsc();
    hvm_ops->update_cr(v, 2);
    hvm_ops->update_debug(v);
    hvm_ops->update_tsc(v);
    set_general(&v->regs, c);
    set_segments(v, c);
    set_msrs(v, c);
    if (c->flags & XEN_X86_FPU_INITIALISED)
        fpu_import_legacy(v, c->fpu_regs);
    else
        fpu_vcpu_reset(v);
    vlapic_started(vcpu_vlapic(v));
    v->initialised = true;
    return 0;
}

void hvm_get_mtrr(const struct vcpu *v, struct hvm_hw_mtrr *m)
{
    const struct hvm_vcpu *h = v->hvm;

    *m = (struct hvm_hw_mtrr){ .msr_pat_cr = h->pat,
                               .msr_mtrr_cap = MTRR_CAP_VALUE,
                               .msr_mtrr_def_type = h->mtrr_def_type };
    memcpy(m->msr_mtrr_var, h->mtrr_variable, sizeof(m->msr_mtrr_var));
    memcpy(m->msr_mtrr_fixed, h->mtrr_fixed, sizeof(m->msr_mtrr_fixed));
}

int hvm_set_mtrr(struct vcpu *v, const struct hvm_hw_mtrr *m)
{
    struct hvm_vcpu *h = v->hvm;

    if (!hvm_pat_valid(m->msr_pat_cr) || (m->msr_mtrr_def_type & ~MTRR_DEF_VALID))
        return -EINVAL;
    h->pat = m->msr_pat_cr;
    h->mtrr_def_type = m->msr_mtrr_def_type;
    memcpy(h->mtrr_variable, m->msr_mtrr_var, sizeof(h->mtrr_variable));
    memcpy(h->mtrr_fixed, m->msr_mtrr_fixed, sizeof(h->mtrr_fixed));
    hvm_ops->update_pat(v);
    return 0;
}

void hvm_get_guest_context(const struct vcpu *v, struct vcpu_guest_context *c)
{
    const struct hvm_vcpu *h = v->hvm;
    const struct regs *r = &v->regs;
    struct hvm_segment cs, ss;

    hvm_ops->get_segment(v, HVM_CS, &cs);
    hvm_ops->get_segment(v, HVM_SS, &ss);
    *c = (struct vcpu_guest_context){
        .user_regs = { .rax = r->rax,
                       .rbx = r->rbx,
                       .rcx = r->rcx,
                       .rdx = r->rdx,
                       .rbp = r->rbp,
                       .rsi = r->rsi,
                       .rdi = r->rdi,
                       .rsp = r->rsp,
                       .r8 = r->r8,
                       .r9 = r->r9,
                       .r10 = r->r10,
                       .r11 = r->r11,
                       .r12 = r->r12,
                       .r13 = r->r13,
                       .r14 = r->r14,
                       .r15 = r->r15,
                       .rip = r->rip,
                       .rflags = r->rflags,
                       .cs = cs.selector,
                       .ss = ss.selector },
        .ctrlreg = { h->cr0, 0, h->cr2, h->cr3, h->cr4 },
        .debugreg = { h->dr[0], h->dr[1], h->dr[2], h->dr[3], 0, 0, h->dr6, h->dr7 },
        .flags = v->pause_flags & VPF_DOWN ? 0 : VGCF_online,
    };
    fpu_export_legacy(v, &c->fpu_ctxt);
}

/* Limits come as in a descriptor: in pages when G is set. */
static uint32_t byte_limit(uint32_t limit, uint16_t attr)
{
    return (attr & HVM_ATTR_G) && limit < BIT(20) ? limit << 12 | 0xfff : limit;
}

static int start_32(struct vcpu *v, const struct vcpu_hvm_x86_32 *c)
{
    struct hvm_hw_cpu cpu = {
        .rax = c->eax,
        .rcx = c->ecx,
        .rdx = c->edx,
        .rbx = c->ebx,
        .rsp = c->esp,
        .rbp = c->ebp,
        .rsi = c->esi,
        .rdi = c->edi,
        .rip = c->eip,
        .rflags = c->eflags,
        .cr0 = c->cr0,
        .cr3 = c->cr3,
        .cr4 = c->cr4,
        .msr_efer = c->efer,
        .cs_base = c->cs_base,
        .cs_limit = byte_limit(c->cs_limit, c->cs_ar),
        .cs_arbytes = c->cs_ar,
        .ds_base = c->ds_base,
        .ds_limit = byte_limit(c->ds_limit, c->ds_ar),
        .ds_arbytes = c->ds_ar,
        .ss_base = c->ss_base,
        .ss_limit = byte_limit(c->ss_limit, c->ss_ar),
        .ss_arbytes = c->ss_ar,
        .es_base = c->es_base,
        .es_limit = byte_limit(c->es_limit, c->es_ar),
        .es_arbytes = c->es_ar,
        .tr_base = c->tr_base,
        .tr_limit = byte_limit(c->tr_limit, c->tr_ar),
        .tr_arbytes = c->tr_ar,
        .fs_arbytes = ATTR_DATA64,
        .fs_limit = ~0U,
        .gs_arbytes = ATTR_DATA64,
        .gs_limit = ~0U,
        .ldtr_arbytes = ATTR_LDT,
    };

    if (((c->cs_ar | c->ds_ar | c->ss_ar | c->es_ar | c->tr_ar) & ~ATTR_VALID) || !(c->cr0 & CR0_PE) ||
        !(c->cs_ar & HVM_ATTR_P) || !(c->ss_ar & HVM_ATTR_P) || !(c->tr_ar & HVM_ATTR_P))
        return -EINVAL;
    return hvm_set_cpu(v, &cpu);
}

static int start_64(struct vcpu *v, const struct vcpu_hvm_x86_64 *c)
{
    struct hvm_hw_cpu cpu = {
        .rax = c->rax,
        .rcx = c->rcx,
        .rdx = c->rdx,
        .rbx = c->rbx,
        .rsp = c->rsp,
        .rbp = c->rbp,
        .rsi = c->rsi,
        .rdi = c->rdi,
        .rip = c->rip,
        .rflags = c->rflags,
        .cr0 = c->cr0,
        .cr3 = c->cr3,
        .cr4 = c->cr4,
        .msr_efer = c->efer,
        .cs_limit = ~0U,
        .cs_arbytes = ATTR_CODE64,
        .ds_limit = ~0U,
        .ds_arbytes = ATTR_DATA64,
        .ss_limit = ~0U,
        .ss_arbytes = ATTR_DATA64,
        .es_limit = ~0U,
        .es_arbytes = ATTR_DATA64,
        .fs_limit = ~0U,
        .fs_arbytes = ATTR_DATA64,
        .gs_limit = ~0U,
        .gs_arbytes = ATTR_DATA64,
        .tr_limit = TSS_LIMIT,
        .tr_arbytes = ATTR_TSS,
        .ldtr_arbytes = ATTR_LDT,
    };

    if (!(c->efer & EFER_LME) || !(c->cr0 & CR0_PG))
        return -EINVAL;
    return hvm_set_cpu(v, &cpu);
}

int hvm_set_start(struct vcpu *v, const struct vcpu_hvm_context *c)
{
    if (c->pad)
        return -EINVAL;
    switch (c->mode) {
    case VCPU_HVM_MODE_32B:
        return start_32(v, &c->cpu_regs.x86_32);
    case VCPU_HVM_MODE_64B:
        return start_64(v, &c->cpu_regs.x86_64);
    default:
        return -EINVAL;
    }
}
