/* SPDX-License-Identifier: MIT */
/*
 * A vCPU's register state in the ABI's form, struct vcpu_guest_context (arch-x86/xen.h): how
 * VCPUOP_initialise, the domain builder and save/restore describe it.
 */
#include "hv/cpu/cpuid.h"
#include "hv/cpu/desc.h"
#include "hv/cpu/fpu.h"
#include "hv/cpu/msr_index.h"
#include "hv/lib/errno.h"
#include "hv/lib/string.h"
#include "hv/pv/debugreg.h"
#include "hv/pv/emulate.h"
#include "hv/pv/page_type.h"
#include "hv/pv/pv.h"

static bool traps_valid(const struct trap_info *t)
{
    for (unsigned int i = 0; i < TRAPS_ALL; i++)
        if (!is_canonical(t[i].address))
            return false;
    return true;
}

static bool context_valid(const struct vcpu_guest_context *c)
{
    return is_canonical(c->user_regs.rip) && is_canonical(c->event_callback_eip) &&
           is_canonical(c->failsafe_callback_eip) && is_canonical(c->syscall_callback_eip) &&
           is_canonical(c->fs_base) && is_canonical(c->gs_base_kernel) && is_canonical(c->gs_base_user) &&
           is_canonical(c->ldt_base) && IS_ALIGNED(c->ldt_base, PAGE_SIZE) && c->ldt_ents <= 8192 &&
           c->gdt_ents <= FIRST_RESERVED_GDT_ENTRY && traps_valid(c->trap_ctxt);
}

/* Lock: mmu_lock. A preempted release is finished by the next operation on the domain's tables. */
static void put_table(mfn_t table)
{
    if (table.m)
        (void)page_put_type(mfn_to_frame(table));
}

/* Type and reference both root tables. */
static int get_tables(struct domain *d, mfn_t kernel, mfn_t user)
{
    int rc;

    spin_lock(&d->mmu_lock);
    rc = page_get_type(kernel, d, PGT_L4);
    if (rc == 0 && user.m) {
        rc = page_get_type(user, d, PGT_L4);
        if (rc)
            put_table(kernel);
    }
    /* Under d->lock nobody is crashed; the vCPU does not run on tables that are refused. */
    d->pv.owes &= (uint8_t)~PV_OWES_CRASH;
    spin_unlock(&d->mmu_lock);
    return rc;
}

void pv_vcpu_reset(struct vcpu *v)
{
    struct pv_vcpu kept = v->pv;

    memset(&v->regs, 0, sizeof(v->regs));
    memset(&v->pv, 0, sizeof(v->pv));
    v->pv.traps = kept.traps;
    v->pv.nr_traps = kept.nr_traps;
    pv_traps_clear(v);
    v->pv.window = kept.window;
    v->pv.window_va = kept.window_va;
    v->pv.in_kernel = true;
    v->pv.kernel_ss = SEL_GUEST_DS;
    v->pv.cr4 = pv_guest_cr4(0);
    v->pv.dr6 = DR6_DEFAULT;
    v->pv.dr7 = DR7_DEFAULT;
    v->regs.rflags = X86_EFLAGS_MBS | X86_EFLAGS_IF;
    v->regs.cs = SEL_GUEST_CS64;
    v->regs.ss = SEL_GUEST_DS;
    v->nmi_masked = false;
    fpu_vcpu_reset(v);
}

static void set_registers(struct vcpu *v, const struct cpu_user_regs *u)
{
    struct regs *r = &v->regs;

    r->r15 = u->r15;
    r->r14 = u->r14;
    r->r13 = u->r13;
    r->r12 = u->r12;
    r->rbp = u->rbp;
    r->rbx = u->rbx;
    r->r11 = u->r11;
    r->rcx = u->rcx;
    r->rdi = u->rdi;
    r->rsi = u->rsi;
    r->rdx = u->rdx;
    r->r10 = u->r10;
    r->r8 = u->r8;
    r->r9 = u->r9;
    r->rax = u->rax;
    r->vector = 0;
    r->rip = u->rip;
    r->cs = u->cs | 3;
    r->ss = u->ss | 3;
    r->rsp = u->rsp;
    v->pv.iopl = (u->rflags & X86_EFLAGS_IOPL) >> 12;
    r->rflags = (u->rflags & ~(X86_EFLAGS_IOPL | X86_EFLAGS_VM)) | X86_EFLAGS_MBS | X86_EFLAGS_IF;
    v->pv.ds = u->ds;
    v->pv.es = u->es;
    v->pv.fs = u->fs;
    v->pv.gs = u->gs;
}

/* Room for all handlers that there are. */
static bool reach_handlers(struct vcpu *v, const struct vcpu_guest_context *c)
{
    unsigned int vector = TRAPS_ALL - 1;

    while (vector && !c->trap_ctxt[vector].address)
        vector--;
    return pv_traps_reach(v, (uint8_t)vector);
}

static void set_handlers(struct vcpu *v, const struct vcpu_guest_context *c)
{
    for (unsigned int i = 0; i < v->pv.nr_traps; i++) {
        v->pv.traps[i] = c->trap_ctxt[i];
        v->pv.traps[i].cs |= 3;
        v->pv.traps[i].vector = (uint8_t)i;
    }
    v->pv.event.eip = c->event_callback_eip;
    v->pv.failsafe.eip = c->failsafe_callback_eip;
    v->pv.failsafe.mask_events = c->flags & VGCF_failsafe_disables_events;
    v->pv.syscall.eip = c->syscall_callback_eip;
    v->pv.syscall.mask_events = c->flags & VGCF_syscall_disables_events;
    v->pv.kernel_ss = (uint16_t)c->kernel_ss | 3;
    v->pv.kernel_sp = c->kernel_sp;
}

static void set_debug_registers(struct vcpu *v, const uint64_t *dr)
{
    v->pv.dr7 = DR7_DEFAULT;
    v->pv.dr7_io = 0;
    for (unsigned int i = 0; i < 8; i++) {
        /* A refused value leaves the reset one, as in the hypercall's own order of registers. */
        if (i == 4 || i == 5 || debugreg_set(v, i, dr[i]))
            continue;
    }
}

/* Everything that cannot fail. */
static void apply_context(struct vcpu *v, const struct vcpu_guest_context *c)
{
    set_registers(v, &c->user_regs);
    set_handlers(v, c);
    v->pv.in_kernel = c->flags & VGCF_in_kernel;
    v->pv.ts = c->ctrlreg[0] & CR0_TS;
    v->pv.cr4 = pv_guest_cr4(c->ctrlreg[4]);
    set_debug_registers(v, c->debugreg);
    v->pv.fs_base = c->fs_base;
    v->pv.gs_base_kernel = c->gs_base_kernel;
    v->pv.gs_base_user = c->gs_base_user;
    if (c->flags & VGCF_i387_valid)
        fpu_import_legacy(v, &c->fpu_ctxt);
    else
        fpu_vcpu_reset(v);
    v->fpu_cpu = 0;
    if (!v->initialised && v->id == 0)
        v->domain->vm_assist = c->vm_assist & PV_VM_ASSIST_VALID;
}

/* Lock: mmu_lock. */
static void replace_tables(struct vcpu *v, mfn_t kernel, mfn_t user)
{
    mfn_t old_kernel = v->pv.kernel_table, old_user = v->pv.user_table;

    v->pv.kernel_table = kernel;
    v->pv.user_table = user;
    put_table(old_user);
    put_table(old_kernel);
}

int pv_vcpu_set_context(struct vcpu *v, const struct vcpu_guest_context *c)
{
    mfn_t kernel = mfn(xen_cr3_to_pfn(c->ctrlreg[3])), user = mfn(xen_cr3_to_pfn(c->ctrlreg[1]));
    struct domain *d = v->domain;
    int rc;

    if (!context_valid(c) || (!(c->flags & VGCF_in_kernel) && !user.m))
        return -EINVAL;
    if (!reach_handlers(v, c))
        return -ENOMEM;
    rc = get_tables(d, kernel, user);
    if (rc)
        return rc;
    rc = pv_set_gdt(v, c->gdt_frames, (uint32_t)c->gdt_ents);
    spin_lock(&d->mmu_lock);
    if (rc == 0) {
        (void)pv_set_ldt(v, c->ldt_base, c->ldt_ents); /* context_valid() checked what it could refuse */
        replace_tables(v, kernel, user);
    } else {
        put_table(user);
        put_table(kernel);
    }
    spin_unlock(&d->mmu_lock);
    if (rc)
        return rc;
    apply_context(v, c);
    v->pv.cr3 = (v->pv.in_kernel ? v->pv.kernel_table.m : v->pv.user_table.m) << PAGE_SHIFT;
    v->initialised = true;
    return 0;
}

static void get_registers(const struct vcpu *v, struct cpu_user_regs *u)
{
    const struct regs *r = &v->regs;

    u->r15 = r->r15;
    u->r14 = r->r14;
    u->r13 = r->r13;
    u->r12 = r->r12;
    u->rbp = r->rbp;
    u->rbx = r->rbx;
    u->r11 = r->r11;
    u->rcx = r->rcx;
    u->rdi = r->rdi;
    u->rsi = r->rsi;
    u->rdx = r->rdx;
    u->r10 = r->r10;
    u->r8 = r->r8;
    u->r9 = r->r9;
    u->rax = r->rax;
    u->rip = r->rip;
    u->cs = r->cs;
    u->rflags = r->rflags | (uint64_t)v->pv.iopl << 12;
    u->rsp = r->rsp;
    u->ss = r->ss;
    u->ds = v->pv.ds;
    u->es = v->pv.es;
    u->fs = v->pv.fs;
    u->gs = v->pv.gs;
}

static void get_handlers(const struct vcpu *v, struct vcpu_guest_context *c)
{
    memcpy(c->trap_ctxt, v->pv.traps, v->pv.nr_traps * sizeof(c->trap_ctxt[0]));
    c->event_callback_eip = v->pv.event.eip;
    c->failsafe_callback_eip = v->pv.failsafe.eip;
    c->syscall_callback_eip = v->pv.syscall.eip;
    c->flags |= v->pv.failsafe.mask_events ? VGCF_failsafe_disables_events : 0;
    c->flags |= v->pv.syscall.mask_events ? VGCF_syscall_disables_events : 0;
    c->kernel_ss = v->pv.kernel_ss;
    c->kernel_sp = v->pv.kernel_sp;
}

void pv_vcpu_get_context(const struct vcpu *v, struct vcpu_guest_context *c)
{
    memset(c, 0, sizeof(*c));
    fpu_export_legacy(v, &c->fpu_ctxt);
    c->flags = VGCF_i387_valid | (v->pv.in_kernel ? VGCF_in_kernel : 0);
    c->flags |= READ_ONCE(v->pause_flags) & VPF_DOWN ? 0 : VGCF_online;
    get_registers(v, &c->user_regs);
    get_handlers(v, c);
    c->ldt_base = v->pv.ldt_base;
    c->ldt_ents = v->pv.ldt_entries;
    memcpy(c->gdt_frames, v->pv.gdt_frames, sizeof(v->pv.gdt_frames));
    c->gdt_ents = v->pv.gdt_entries;
    c->ctrlreg[0] = PV_CR0 | (v->pv.ts ? CR0_TS : 0);
    c->ctrlreg[1] = xen_pfn_to_cr3(v->pv.user_table.m);
    c->ctrlreg[2] = v->info->arch.cr2;
    c->ctrlreg[3] = xen_pfn_to_cr3(v->pv.kernel_table.m);
    c->ctrlreg[4] = v->pv.cr4;
    memcpy(c->debugreg, v->pv.dr, sizeof(v->pv.dr));
    c->debugreg[6] = v->pv.dr6;
    c->debugreg[7] = v->pv.dr7 | v->pv.dr7_io;
    c->vm_assist = v->domain->vm_assist;
    c->fs_base = v->pv.fs_base;
    c->gs_base_kernel = v->pv.gs_base_kernel;
    c->gs_base_user = v->pv.gs_base_user;
}
