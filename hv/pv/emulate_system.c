/* SPDX-License-Identifier: MIT */
/* Privileged instructions of the 0F map: control and debug registers, XCR0, time stamp counter, caches,
 * descriptor tables. */
#include "hv/cpu/cpuid.h"
#include "hv/cpu/fpu.h"
#include "hv/cpu/insn.h"
#include "hv/domain/cpuid_policy.h"
#include "hv/lib/errno.h"
#include "hv/lib/string.h"
#include "hv/pv/debugreg.h"
#include "hv/pv/emulate.h"
#include "hv/pv/pv.h"
#include "hv/pv/pv_mm.h"

/* CR4: what a guest may choose, and what it reads beside its choice. */
#define CR4_GUEST_CHOICE  (CR4_TSD | CR4_DE | CR4_FSGSBASE | CR4_OSXSAVE)
#define CR4_GUEST_VISIBLE (CR4_PAE | CR4_MCE | CR4_OSFXSR | CR4_OSXMMEXCPT)

/* Low half of CR0, which lmsw and smsw know. */
#define MSW_MASK (CR0_PE | CR0_MP | CR0_EM | CR0_TS)

/* Second ModRM bytes of 0F 01 with mod 3. */
#define MODRM_XSETBV 0xd1
#define MODRM_RDTSCP 0xf9

uint64_t pv_guest_cr4(uint64_t asked)
{
    uint64_t choice = CR4_GUEST_CHOICE;

    if (!host_cpu.fsgsbase)
        choice &= ~CR4_FSGSBASE;
    if (!xfeature_mask)
        choice &= ~CR4_OSXSAVE;
    return (asked & choice) | CR4_GUEST_VISIBLE;
}

static void set_ts(struct vcpu *v, bool ts)
{
    v->pv.ts = ts;
    if (ts)
        write_cr0(read_cr0() | CR0_TS);
    else
        __asm__ volatile("clts");
}

static uint64_t guest_cr0(const struct vcpu *v)
{
    return PV_CR0 | (v->pv.ts ? CR0_TS : 0);
}

static enum emulation write_guest_cr0(struct vcpu *v, uint64_t value)
{
    if ((value ^ PV_CR0) & ~CR0_TS)
        return EMULATE_FAULT;
    set_ts(v, value & CR0_TS);
    return EMULATE_DONE;
}

static enum emulation write_guest_cr3(struct vcpu *v, uint64_t value)
{
    struct domain *d = v->domain;
    int rc;

    spin_lock(&d->mmu_lock);
    rc = pv_new_base(v, mfn(xen_cr3_to_pfn(value)));
    pv_mmu_unlock(d);
    if (rc == -ERESTART)
        return EMULATE_REPEAT;
    return rc ? EMULATE_FAULT : EMULATE_DONE;
}

static enum emulation read_cr(const struct vcpu *v, struct regs *r, const struct insn *i)
{
    uint64_t *to = regs_gpr(r, i->rm);

    switch (i->reg) {
    case 0:
        *to = guest_cr0(v);
        return EMULATE_DONE;
    case 2:
        *to = v->pv.cr2;
        return EMULATE_DONE;
    case 3:
        *to = xen_pfn_to_cr3(v->pv.kernel_table.m);
        return EMULATE_DONE;
    case 4:
        *to = v->pv.cr4;
        return EMULATE_DONE;
    default:
        return EMULATE_FAULT;
    }
}

static enum emulation write_cr(struct vcpu *v, struct regs *r, const struct insn *i)
{
    uint64_t value = *regs_gpr(r, i->rm);

    switch (i->reg) {
    case 0:
        return write_guest_cr0(v, value);
    case 2:
        v->pv.cr2 = value;
        v->info->arch.cr2 = value;
        return EMULATE_DONE;
    case 3:
        return write_guest_cr3(v, value);
    case 4:
        v->pv.cr4 = pv_guest_cr4(value);
        pv_load_cr4(v);
        return EMULATE_DONE;
    default:
        return EMULATE_FAULT;
    }
}

static enum emulation read_dr(const struct vcpu *v, struct regs *r, const struct insn *i)
{
    return debugreg_get(v, i->reg, regs_gpr(r, i->rm)) ? EMULATE_FAULT : EMULATE_DONE;
}

static enum emulation write_dr(struct vcpu *v, struct regs *r, const struct insn *i)
{
    return debugreg_set(v, i->reg, *regs_gpr(r, i->rm)) ? EMULATE_FAULT : EMULATE_DONE;
}

/* Of the kernel, or of user code without CR4.TSD. */
static enum emulation read_tsc(const struct vcpu *v, struct regs *r, bool with_aux)
{
    uint64_t tsc;

    if (!v->pv.in_kernel && (v->pv.cr4 & CR4_TSD))
        return EMULATE_FAULT;
    tsc = rdtsc_ordered();
    r->rax = (uint32_t)tsc;
    r->rdx = tsc >> 32;
    if (with_aux)
        r->rcx = 0;
    return EMULATE_DONE;
}

static enum emulation set_xcr(struct vcpu *v, const struct regs *r)
{
    uint64_t value = (uint32_t)r->rax | r->rdx << 32;

    if (!v->pv.in_kernel || (uint32_t)r->rcx != 0 || !fpu_set_xcr0(v, value))
        return EMULATE_FAULT;
    return EMULATE_DONE;
}

/* The 16-bit operand of lmsw, and of str, sldt and smsw where UMIP makes them fault. */
static enum emulation load_msw(struct vcpu *v, struct regs *r, const struct insn *i)
{
    uint16_t msw = 0;

    if (!v->pv.in_kernel)
        return EMULATE_FAULT;
    if (!i->memory)
        msw = (uint16_t)*regs_gpr(r, i->rm);
    else if (!emulate_read(emulate_linear(i, r), &msw, sizeof(msw)))
        return EMULATE_DELIVERED;
    return write_guest_cr0(v, (guest_cr0(v) & ~(MSW_MASK & ~CR0_PE)) | (msw & MSW_MASK));
}

static enum emulation store_word(struct regs *r, const struct insn *i, uint64_t value)
{
    uint16_t word = (uint16_t)value;

    if (!i->memory)
        insn_reg_write(i, r, i->rm, i->opsize, value);
    else if (!emulate_write(emulate_linear(i, r), &word, sizeof(word)))
        return EMULATE_DELIVERED;
    return EMULATE_DONE;
}

/* sgdt and sidt under UMIP: a limit of 0 and an address that is nobody's, as there is nothing for the guest
 * to find. */
static enum emulation store_table(struct regs *r, const struct insn *i)
{
    static const uint8_t table[10] = { 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

    return emulate_write(emulate_linear(i, r), table, sizeof(table)) ? EMULATE_DONE : EMULATE_DELIVERED;
}

/* 0F 00 and 0F 01: groups 6 and 7. Loads of descriptor tables stay forbidden. */
static enum emulation group6(struct regs *r, const struct insn *i)
{
    return (i->reg & 7) < 2 ? store_word(r, i, 0) : EMULATE_FAULT;
}

static enum emulation group7(struct vcpu *v, struct regs *r, const struct insn *i)
{
    uint8_t modrm = (uint8_t)(0xc0 | (i->reg & 7) << 3 | (i->rm & 7));

    if (!i->memory && modrm == MODRM_XSETBV)
        return set_xcr(v, r);
    if (!i->memory && modrm == MODRM_RDTSCP)
        return read_tsc(v, r, true);
    switch (i->reg & 7) {
    case 0:
    case 1:
        return i->memory ? store_table(r, i) : EMULATE_FAULT;
    case 4:
        return store_word(r, i, guest_cr0(v));
    case 6:
        return load_msw(v, r, i);
    default:
        return EMULATE_FAULT;
    }
}

/* Only a domain with the machine's devices can have lines whose write-back matters. */
static void flush_caches(const struct vcpu *v)
{
    if (v->domain->hardware)
        __asm__ volatile("wbinvd" ::: "memory");
}

static enum emulation emulate_kernel(struct vcpu *v, struct regs *r, const struct insn *i)
{
    switch (i->opcode) {
    case 0x06:
        set_ts(v, false);
        return EMULATE_DONE;
    case 0x09:
        flush_caches(v);
        return EMULATE_DONE;
    case 0x20:
        return read_cr(v, r, i);
    case 0x21:
        return read_dr(v, r, i);
    case 0x22:
        return write_cr(v, r, i);
    case 0x23:
        return write_dr(v, r, i);
    default:
        return EMULATE_FAULT;
    }
}

enum emulation emulate_system(struct vcpu *v, struct regs *r, const struct insn *i)
{
    switch (i->opcode) {
    case 0x00:
        return group6(r, i);
    case 0x01:
        return group7(v, r, i);
    case 0x31:
        return read_tsc(v, r, false);
    case 0xa2:
        emulate_cpuid(v, r);
        return EMULATE_DONE;
    default:
        return v->pv.in_kernel ? emulate_kernel(v, r, i) : EMULATE_FAULT;
    }
}
