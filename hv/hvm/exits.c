/* SPDX-License-Identifier: MIT */
/* What the hypervisor does for a hardware guest at its exits, the same for both vendors. */
#include "hv/cpu/alu.h"
#include "hv/cpu/fpu.h"
#include "hv/cpu/msr_index.h"
#include "hv/domain/cpuid_policy.h"
#include "hv/hvm/guest_walk.h"
#include "hv/hvm/log_dirty.h"
#include "hv/io/console.h"
#include "hv/io/domain_ports.h"
#include "hv/sched/sched.h"

#define CPUID_1C_OSXSAVE (1U << 27)
#define DR6_SINGLE_STEP  BIT(14)
#define IO_BATCH         4096 /* elements of a repeated string instruction for each exit */

void hvm_skip(struct vcpu *v, unsigned int bytes)
{
    struct regs *r = guest_regs();

    r->rip += bytes;
    if (hvm_guest_mode(v) != 8)
        r->rip = (uint32_t)r->rip;
    hvm_ops->clear_shadow(v);
    if (unlikely(r->rflags & X86_EFLAGS_TF)) {
        v->hvm->dr6 |= DR6_SINGLE_STEP;
        hvm_ops->update_debug(v);
        hvm_inject_exception(v, TRAP_DB, 0);
    }
}

void hvm_exit_cpuid(unsigned int bytes)
{
    struct vcpu *v = current;
    struct regs *r = guest_regs();
    struct cpuid_leaf leaf;

    cpuid_policy_query(v, (uint32_t)r->rax, (uint32_t)r->rcx, &leaf);
    if ((uint32_t)r->rax == 1 && !(v->hvm->cr4 & CR4_OSXSAVE))
        leaf.c &= ~CPUID_1C_OSXSAVE;
    r->rax = leaf.a;
    r->rbx = leaf.b;
    r->rcx = leaf.c;
    r->rdx = leaf.d;
    hvm_skip(v, bytes);
}

void hvm_exit_rdmsr(unsigned int bytes)
{
    struct vcpu *v = current;
    struct regs *r = guest_regs();
    uint64_t value;

    if (!hvm_read_msr(v, (uint32_t)r->rcx, &value)) {
        hvm_inject_exception(v, TRAP_GP, 0);
        return;
    }
    r->rax = (uint32_t)value;
    r->rdx = value >> 32;
    hvm_skip(v, bytes);
}

void hvm_exit_wrmsr(unsigned int bytes)
{
    struct vcpu *v = current;
    const struct regs *r = guest_regs();

    if (hvm_write_msr(v, (uint32_t)r->rcx, r->rdx << 32 | (uint32_t)r->rax))
        hvm_skip(v, bytes);
    else
        hvm_inject_exception(v, TRAP_GP, 0);
}

void hvm_exit_hypercall(unsigned int bytes)
{
    struct vcpu *v = current;

    if (hvm_hypercall_dispatch(v, guest_regs()))
        hvm_skip(v, bytes);
}

/* A halt with interrupts off is for ever: the vCPU is off, and the last one takes the domain with it. */
static void halt_for_good(struct vcpu *v)
{
    struct vcpu *other;

    for_each_vcpu (v->domain, other)
        if (other != v && !(READ_ONCE(other->pause_flags) & VPF_DOWN)) {
            atomic_or(&v->pause_flags, VPF_DOWN);
            cpu_raise(CPU_PENDING_SCHEDULE);
            return;
        }
    domain_shutdown(v->domain, SHUTDOWN_poweroff);
}

void hvm_exit_hlt(unsigned int bytes)
{
    struct vcpu *v = current;

    if (hvm_cpl(v)) {
        hvm_inject_exception(v, TRAP_GP, 0);
        return;
    }
    hvm_skip(v, bytes);
    if (!(guest_regs()->rflags & X86_EFLAGS_IF))
        halt_for_good(v);
    else
        vcpu_block();
}

void hvm_exit_xsetbv(unsigned int bytes)
{
    struct vcpu *v = current;
    const struct regs *r = guest_regs();
    uint64_t value = r->rdx << 32 | (uint32_t)r->rax;

    if (!(v->hvm->cr4 & CR4_OSXSAVE))
        hvm_inject_exception(v, TRAP_UD, 0);
    else if (hvm_cpl(v) || (uint32_t)r->rcx || (value & ~v->domain->cpuid->xfeatures) ||
             !fpu_set_xcr0(v, value))
        hvm_inject_exception(v, TRAP_GP, 0);
    else
        hvm_skip(v, bytes);
}

void hvm_nested_fault(uint64_t gpa, bool write, bool fetch)
{
    struct vcpu *v = current;
    enum p2m_type type;

    (void)p2m_lookup(v->domain, gfn(gpa >> PAGE_SHIFT), &type);
    if (type == P2M_LOGDIRTY && write && log_dirty_mark(v->domain, gfn(gpa >> PAGE_SHIFT)))
        return;
    if (p2m_is_ram(type) && (p2m_writable(type) || !write))
        return; /* it was entered while the CPU looked */
    if (fetch) {
        /* Code where there is none: nothing could be read there either. */
        domain_crash(v->domain, "it executes at guest-physical %#lx, where there is no memory", gpa);
        return;
    }
    if (type == P2M_NONE && p2m_enter_device(v->domain, gfn(gpa >> PAGE_SHIFT)))
        return;
    v->hvm->exits[HVM_EXIT_MMIO]++;
    if (!hvm_mmio(v, gpa))
        domain_crash(v->domain, "%s of guest-physical %#lx by an instruction that is not emulated",
                     write ? "a write" : "a read", gpa);
}

/* One element of ins or outs. False: the guest's memory cannot be used. */
static bool string_item(struct vcpu *v, uint16_t port, unsigned int width, bool in, uint64_t at,
                        struct guest_fault *fault)
{
    uint32_t user = hvm_cpl(v) == 3 ? PFEC_USER : 0, value = 0;

    if (in)
        value = domain_port_in(v->domain, port, width);
    if (!guest_copy(v, &value, at, width, user | (in ? PFEC_WRITE : 0), fault))
        return false;
    if (!in)
        domain_port_out(v->domain, port, width, value);
    return true;
}

/* rep ins and outs: one batch for each exit, so that interrupts get in. */
static void string_io(struct vcpu *v, uint16_t port, unsigned int width, bool in, unsigned int bytes)
{
    struct regs *r = guest_regs();
    uint64_t count = min(r->rcx, (uint64_t)IO_BATCH), *pointer = in ? &r->rdi : &r->rsi;
    uint64_t step = r->rflags & X86_EFLAGS_DF ? 0 - (uint64_t)width : width;
    struct guest_fault fault;
    uint8_t insn[15];
    bool repeats = guest_fetch(v, insn, 1) && (insn[0] == 0xf2 || insn[0] == 0xf3);

    if (!repeats)
        count = 1;
    for (uint64_t i = 0; i < count; i++) {
        if (!string_item(v, port, width, in, *pointer, &fault)) {
            hvm_inject_page_fault(v, fault.address, fault.error_code);
            return;
        }
        *pointer += step;
        if (repeats)
            r->rcx--;
    }
    if (!repeats || !r->rcx)
        hvm_skip(v, bytes);
}

void hvm_exit_io(uint16_t port, unsigned int width, bool in, bool string, unsigned int bytes)
{
    struct vcpu *v = current;
    struct regs *r = guest_regs();

    if (string) {
        string_io(v, port, width, in, bytes);
        return;
    }
    if (!in)
        domain_port_out(v->domain, port, width, (uint32_t)(r->rax & alu_mask(width)));
    else if (width == 4)
        r->rax = domain_port_in(v->domain, port, width);
    else
        r->rax = (r->rax & ~alu_mask(width)) | domain_port_in(v->domain, port, width);
    hvm_skip(v, bytes);
}

void hvm_triple_fault(void)
{
    struct vcpu *v = current;

    gprintk(LOG_ERR, "triple fault: the domain is to be started again\n");
    v->domain->ops->dump_vcpu(v);
    domain_shutdown(v->domain, SHUTDOWN_reboot);
}
