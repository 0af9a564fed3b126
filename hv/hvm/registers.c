/* SPDX-License-Identifier: MIT */
/* A hardware guest's registers: what its control registers may hold, and the states that vCPUs start in. */
#include "hv/cpu/cpuid.h"
#include "hv/cpu/fpu.h"
#include "hv/cpu/insn.h"
#include "hv/cpu/msr_index.h"
#include "hv/domain/cpuid_policy.h"
#include "hv/hvm/hvm.h"
#include "hv/lib/errno.h"
#include "hv/lib/string.h"

#define CR0_RESET   (CR0_ET | BIT(29) | BIT(30)) /* caches off, as on a CPU */
#define PAT_RESET   0x0007040600070406ULL
#define DR6_RESET   0xffff0ff0ULL
#define DR7_RESET   0x400ULL
#define EFER_FFXSR  BIT(14)
#define EFER_LMSLE  BIT(13)
#define ATTR_CODE16 0x009bU
#define ATTR_DATA16 0x0093U
#define ATTR_LDT    0x0082U
#define ATTR_TSS32  0x008bU
#define ATTR_CODE32 0x0c9bU
#define ATTR_DATA32 0x0c93U

unsigned int hvm_guest_mode(const struct vcpu *v)
{
    struct hvm_segment cs;

    hvm_ops->get_segment(v, HVM_CS, &cs);
    if ((v->hvm->efer & EFER_LMA) && (cs.attr & HVM_ATTR_L))
        return 8;
    return (v->hvm->cr0 & CR0_PE) && (cs.attr & HVM_ATTR_DB) ? 4 : 2;
}

unsigned int hvm_cpl(const struct vcpu *v)
{
    struct hvm_segment ss;

    hvm_ops->get_segment(v, HVM_SS, &ss);
    return HVM_ATTR_DPL(ss.attr);
}

uint64_t hvm_linear_rip(const struct vcpu *v)
{
    struct hvm_segment cs;
    uint64_t rip = guest_regs()->rip;

    hvm_ops->get_segment(v, HVM_CS, &cs);
    if ((v->hvm->efer & EFER_LMA) && (cs.attr & HVM_ATTR_L))
        return rip;
    return (uint32_t)(cs.base + (uint32_t)rip);
}

static bool has(uint32_t leaf_register, unsigned int feature_bit)
{
    return leaf_register >> feature_bit & 1;
}

/* Bits of CR4 that the guest's CPUID policy lets it set. */
static uint64_t cr4_allowed(const struct vcpu *v)
{
    const struct cpuid_policy *p = v->domain->cpuid;
    uint64_t bits = CR4_DE | CR4_PSE | CR4_PAE | CR4_MCE | CR4_TSD | CR4_PCE | CR4_OSFXSR | CR4_OSXMMEXCPT;

    if (has(p->basic[1].d, 1))
        bits |= CR4_VME | CR4_PVI;
    if (has(p->basic[1].d, 13))
        bits |= CR4_PGE;
    if (has(p->basic[1].c, 17))
        bits |= CR4_PCIDE;
    if (has(p->basic[1].c, 26))
        bits |= CR4_OSXSAVE;
    if (has(p->features[0].b, 0))
        bits |= CR4_FSGSBASE;
    if (has(p->features[0].b, 7))
        bits |= CR4_SMEP;
    if (has(p->features[0].b, 20))
        bits |= CR4_SMAP;
    if (has(p->features[0].c, 2))
        bits |= CR4_UMIP;
    return bits;
}

static bool cr0_valid(const struct vcpu *v, uint64_t cr0)
{
    const struct hvm_vcpu *h = v->hvm;

    if (cr0 >> 32 || ((cr0 & CR0_PG) && !(cr0 & CR0_PE)) || ((cr0 & BIT(29)) && !(cr0 & BIT(30))))
        return false;
    if ((cr0 & CR0_PG) && !(h->cr0 & CR0_PG) && (h->efer & EFER_LME) && !(h->cr4 & CR4_PAE))
        return false;
    return !(!(cr0 & CR0_PG) && (h->cr4 & CR4_PCIDE));
}

/* Long mode becomes active with paging, and ends with it (SDM Vol. 3 §9.8.5). */
static void set_cr0(struct vcpu *v, uint64_t cr0)
{
    struct hvm_vcpu *h = v->hvm;
    uint64_t efer = h->efer & ~EFER_LMA;

    if ((efer & EFER_LME) && (cr0 & CR0_PG))
        efer |= EFER_LMA;
    h->cr0 = cr0 | CR0_ET;
    hvm_ops->update_cr(v, 0);
    if (efer != h->efer) {
        h->efer = efer;
        hvm_ops->update_efer(v);
    }
    hvm_ops->flush_guest_tlb(v);
}

static bool cr4_valid(const struct vcpu *v, uint64_t cr4)
{
    const struct hvm_vcpu *h = v->hvm;

    if (cr4 & ~cr4_allowed(v))
        return false;
    if ((h->efer & EFER_LMA) && !(cr4 & CR4_PAE))
        return false;
    return !(cr4 & CR4_PCIDE) || (h->cr4 & CR4_PCIDE) || ((h->efer & EFER_LMA) && !(h->cr3 & 0xfff));
}

/* A change of what translations mean flushes them (SDM Vol. 3 §4.10.4.1). */
static void set_cr4(struct vcpu *v, uint64_t cr4)
{
    uint64_t changed = cr4 ^ v->hvm->cr4;

    v->hvm->cr4 = cr4;
    hvm_ops->update_cr(v, 4);
    if (changed & (CR4_PSE | CR4_PAE | CR4_PGE | CR4_PCIDE | CR4_SMEP))
        hvm_ops->flush_guest_tlb(v);
}

bool hvm_write_cr(struct vcpu *v, unsigned int cr, uint64_t value)
{
    bool ok = true;

    switch (cr) {
    case 0:
        ok = cr0_valid(v, value);
        if (ok)
            set_cr0(v, value);
        break;
    case 3:
        v->hvm->cr3 = value & ~BIT(63);
        hvm_ops->update_cr(v, 3);
        hvm_ops->flush_guest_tlb(v);
        break;
    case 4:
        ok = cr4_valid(v, value);
        if (ok)
            set_cr4(v, value);
        break;
    default:
        ok = !(value >> 4);
        if (ok)
            vlapic_set_cr8(vcpu_vlapic(v), (uint8_t)value);
        break;
    }
    if (!ok)
        hvm_inject_exception(v, TRAP_GP, 0);
    return ok;
}

/* Bits of EFER of features that the guest was told of. */
static uint64_t efer_allowed(const struct vcpu *v)
{
    const struct cpuid_policy *p = v->domain->cpuid;
    uint64_t allowed = EFER_LMA;

    if (has(p->ext[1].d, 11))
        allowed |= EFER_SCE;
    if (has(p->ext[1].d, 29))
        allowed |= EFER_LME;
    if (has(p->ext[1].d, 20))
        allowed |= EFER_NXE;
    if (has(p->ext[1].d, 25))
        allowed |= EFER_FFXSR;
    return allowed;
}

/* LMA is the CPU's. */
bool hvm_write_efer(struct vcpu *v, uint64_t value)
{
    struct hvm_vcpu *h = v->hvm;

    if ((value & ~efer_allowed(v)) || (((value ^ h->efer) & EFER_LME) && (h->cr0 & CR0_PG)))
        return false;
    h->efer = (value & ~EFER_LMA) | (h->efer & EFER_LMA);
    hvm_ops->update_efer(v);
    hvm_ops->flush_guest_tlb(v);
    return true;
}

int hvm_set_control(struct vcpu *v, uint64_t cr0, uint64_t cr3, uint64_t cr4, uint64_t efer)
{
    bool long_mode = (efer & EFER_LME) && (cr0 & CR0_PG);
    struct hvm_vcpu *h = v->hvm;

    if (cr0 >> 32 || ((cr0 & CR0_PG) && !(cr0 & CR0_PE)) || ((cr0 & BIT(29)) && !(cr0 & BIT(30))))
        return -EINVAL;
    if ((cr4 & ~cr4_allowed(v)) || (efer & ~efer_allowed(v)) || (long_mode && !(cr4 & CR4_PAE)))
        return -EINVAL;
    h->cr0 = cr0 | CR0_ET;
    h->cr3 = cr3;
    h->cr4 = cr4;
    h->efer = (efer & ~EFER_LMA) | (long_mode ? EFER_LMA : 0);
    hvm_ops->update_cr(v, 0);
    hvm_ops->update_cr(v, 3);
    hvm_ops->update_cr(v, 4);
    hvm_ops->update_efer(v);
    hvm_ops->flush_guest_tlb(v);
    return 0;
}

static void set_data_segments(struct vcpu *v, uint16_t attr, uint32_t limit)
{
    static const uint8_t data[] = { HVM_ES, HVM_SS, HVM_DS, HVM_FS, HVM_GS };
    struct hvm_segment s = { .attr = attr, .limit = limit };

    for (unsigned int i = 0; i < ARRAY_SIZE(data); i++)
        hvm_ops->set_segment(v, data[i], &s);
}

static void load_all(struct vcpu *v)
{
    for (unsigned int cr = 0; cr <= 4; cr += cr ? 1 : 2)
        hvm_ops->update_cr(v, cr);
    hvm_ops->update_efer(v);
    hvm_ops->update_debug(v);
    hvm_ops->update_pat(v);
    hvm_ops->update_tsc(v);
    hvm_ops->flush_guest_tlb(v);
}

static struct regs *regs_of(struct vcpu *v)
{
    return v == current ? guest_regs() : &v->regs;
}

static void reset_system_segments(struct vcpu *v)
{
    struct hvm_segment table = { .limit = 0xffff };
    struct hvm_segment ldt = { .limit = 0xffff, .attr = ATTR_LDT };
    struct hvm_segment tss = { .limit = 0xffff, .attr = ATTR_TSS32 };

    hvm_ops->set_segment(v, HVM_GDTR, &table);
    hvm_ops->set_segment(v, HVM_IDTR, &table);
    hvm_ops->set_segment(v, HVM_LDTR, &ldt);
    hvm_ops->set_segment(v, HVM_TR, &tss);
}

/* SDM Vol. 3 table 9-1, the column for INIT and power-up in the parts where they do not differ. */
void hvm_reset_registers(struct vcpu *v)
{
    struct hvm_segment cs = { .selector = 0xf000, .base = 0xffff0000, .limit = 0xffff, .attr = ATTR_CODE16 };
    struct hvm_vcpu *h = v->hvm;
    struct regs *r = regs_of(v);

    memset(r, 0, sizeof(*r));
    r->rip = 0xfff0;
    r->rflags = X86_EFLAGS_MBS;
    r->rdx = host_cpu.family << 8 | host_cpu.model << 4;
    h->cr0 = CR0_RESET;
    h->cr2 = h->cr3 = h->cr4 = h->efer = 0;
    memset(h->dr, 0, sizeof(h->dr));
    h->dr6 = DR6_RESET;
    h->dr7 = DR7_RESET;
    h->pat = PAT_RESET;
    h->event.valid = false;
    v->nmi_pending = 0;
    v->nmi_masked = false;
    v->initialised = false;
    hvm_ops->set_segment(v, HVM_CS, &cs);
    set_data_segments(v, ATTR_DATA16, 0xffff);
    reset_system_segments(v);
    hvm_ops->clear_shadow(v);
    load_all(v);
}

void hvm_start_at_sipi(struct vcpu *v, uint8_t vector)
{
    struct hvm_segment cs = { .selector = (uint16_t)(vector << 8),
                              .base = (uint64_t)vector << 12,
                              .limit = 0xffff,
                              .attr = ATTR_CODE16 };

    hvm_ops->set_segment(v, HVM_CS, &cs);
    regs_of(v)->rip = 0;
    v->initialised = true;
}

void hvm_start_pvh(struct vcpu *v, uint32_t entry, uint32_t start_info)
{
    struct hvm_segment cs = { .limit = ~0U, .attr = ATTR_CODE32 };
    struct hvm_segment tss = { .limit = 0x67, .attr = ATTR_TSS32 };
    struct hvm_segment none = { .limit = 0 };
    struct regs *r = regs_of(v);

    hvm_reset_registers(v);
    hvm_ops->set_segment(v, HVM_CS, &cs);
    set_data_segments(v, ATTR_DATA32, ~0U);
    hvm_ops->set_segment(v, HVM_TR, &tss);
    hvm_ops->set_segment(v, HVM_GDTR, &none);
    hvm_ops->set_segment(v, HVM_IDTR, &none);
    v->hvm->cr0 = CR0_PE | CR0_ET;
    hvm_ops->update_cr(v, 0);
    r->rdx = 0;
    r->rip = entry;
    r->rbx = start_info;
    vlapic_started(vcpu_vlapic(v));
    v->initialised = true;
}
