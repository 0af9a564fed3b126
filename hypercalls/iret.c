/* SPDX-License-Identifier: MIT */
/*
 * HYPERVISOR_iret: the return from a guest handler. struct iret_context (arch-x86/xen-x86_64.h) stands at the
 * guest's rsp. The guest's idea of privilege is corrected, never refused: RPL 3, IF on, IOPL 0. What remains
 * wrong faults in the real iretq and comes back as an exception on the new frame.
 */
#include "hv/cpu/desc.h"
#include "hv/pv/guest_stack.h"
#include "hv/pv/pv.h"
#include "hypercalls/hypercall.h"

/* Words of the context. */
enum { CTX_RAX, CTX_R11, CTX_RCX, CTX_FLAGS, CTX_RIP, CTX_CS, CTX_RFLAGS, CTX_RSP, CTX_SS };

static __noinline int64_t iret_impossible(const char *why)
{
    domain_crash(current->domain, "iret hypercall: %s, stack %#lx", why, guest_regs()->rsp);
    return 0;
}

/*
 * The guest came by syscall, and has no use for rcx and r11: sysret leaves rip and rflags there. It loads the
 * flat selectors, and faults in ring 0 on a non-canonical rip.
 */
static __noinline int64_t leave_by_sysret(struct regs *r, uint64_t rax)
{
    if (r->cs == SEL_GUEST_CS64 && r->ss == SEL_GUEST_DS && is_canonical(r->rip))
        r->vector = REGS_SYSCALL;
    return (int64_t)rax;
}

static __noinline void unmask_nmi(struct vcpu *v)
{
    v->nmi_masked = false;
    if (v->nmi_pending)
        cpu_raise(CPU_PENDING_GUEST);
}

/* No arguments. The result is the context's rax; a context that cannot be read, or user mode without tables,
 * crashes the domain. */
int64_t do_iret(uint64_t arg[6] __unused)
{
    struct vcpu *v = current;
    struct regs *r = guest_regs();
    const uint64_t *ctx = (const uint64_t *)r->rsp;
    uint64_t rax, flags, rip, cs, rflags, rsp, ss, scratch;
    uint32_t bad = 0;

    if (unlikely(!pv_stack_ok(r->rsp)))
        return iret_impossible("no context");
    pv_access_begin();
    guest_get(scratch, ctx + CTX_R11, bad);
    r->r11 = scratch;
    guest_get(scratch, ctx + CTX_RCX, bad);
    r->rcx = scratch;
    guest_get(rax, ctx + CTX_RAX, bad);
    guest_get(flags, ctx + CTX_FLAGS, bad);
    guest_get(rip, ctx + CTX_RIP, bad);
    guest_get(cs, ctx + CTX_CS, bad);
    guest_get(rflags, ctx + CTX_RFLAGS, bad);
    guest_get(rsp, ctx + CTX_RSP, bad);
    guest_get(ss, ctx + CTX_SS, bad);
    pv_access_end();
    if (unlikely(bad))
        return iret_impossible("no context");
    if ((cs & 1) && (cs & 2)) {
        if (unlikely(!v->pv.user_table.m))
            return iret_impossible("to user mode without user page tables");
        pv_enter_user_mode(v);
    }
    if (unlikely(v->domain->vm_assist & BIT(VMASST_TYPE_architectural_iopl)))
        v->pv.iopl = (rflags & X86_EFLAGS_IOPL) >> 12;
    r->rip = rip;
    r->cs = (uint16_t)cs | 3;
    r->rflags = rflags | X86_EFLAGS_IF;
    if (unlikely(rflags & X86_EFLAGS_TF))
        v->pv.stepping = true;
    r->rsp = rsp;
    r->ss = (uint16_t)ss | 3;
    r->vector = 0; /* iretq */
    if (unlikely(v->nmi_masked))
        unmask_nmi(v);
    WRITE_ONCE(v->info->evtchn_upcall_mask, !(rflags & X86_EFLAGS_IF));
    if (unlikely(flags & VGCF_in_syscall))
        return leave_by_sysret(r, rax);
    return (int64_t)rax;
}
