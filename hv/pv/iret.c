/* SPDX-License-Identifier: MIT */
/*
 * HYPERVISOR_iret: the return from a guest handler. struct iret_context (arch-x86/xen-x86_64.h) stands at the
 * guest's rsp. The guest's idea of privilege is corrected, never refused: RPL 3, IF on, IOPL 0; what remains
 * wrong faults in the real iretq and comes back as an exception on the new frame.
 */
#include "hv/cpu/desc.h"
#include "hv/pv/guest_stack.h"
#include "hv/pv/pv.h"

/* Bits of rflags that an iret hypercall may set: all that iretq would, but VM and IOPL. */
#define FLAGS_REFUSED (X86_EFLAGS_IOPL | X86_EFLAGS_VM)

static __always_inline bool read_context(struct iret_context *c, uint64_t sp)
{
    const uint64_t *s = (const uint64_t *)sp;
    uint32_t bad = 0;

    if (unlikely(!pv_stack_ok(sp)))
        return false;
    pv_access_begin();
    guest_get(c->rax, s, bad);
    guest_get(c->r11, s + 1, bad);
    guest_get(c->rcx, s + 2, bad);
    guest_get(c->flags, s + 3, bad);
    guest_get(c->rip, s + 4, bad);
    guest_get(c->cs, s + 5, bad);
    guest_get(c->rflags, s + 6, bad);
    guest_get(c->rsp, s + 7, bad);
    guest_get(c->ss, s + 8, bad);
    pv_access_end();
    return !bad;
}

/* sysret leaves rip in rcx and rflags in r11, and can only load the flat selectors. */
static __always_inline bool sysret_allowed(const struct iret_context *c)
{
    return (c->flags & VGCF_in_syscall) && (c->cs | 3) == SEL_GUEST_CS64 && (c->ss | 3) == SEL_GUEST_DS;
}

uint64_t pv_iret(void)
{
    struct vcpu *v = current;
    struct regs *r = guest_regs();
    struct iret_context c;

    if (unlikely(!read_context(&c, r->rsp))) {
        domain_crash(v->domain, "iret hypercall: no context at stack %#lx", r->rsp);
        return 0;
    }
    if ((c.cs & 3) == 3) {
        if (unlikely(!v->pv.user_table.m)) {
            domain_crash(v->domain, "iret hypercall to user mode without user page tables");
            return 0;
        }
        pv_toggle_mode(v);
    }
    if (unlikely(v->domain->vm_assist & BIT(VMASST_TYPE_architectural_iopl)))
        v->pv.iopl = (c.rflags & X86_EFLAGS_IOPL) >> 12;
    r->rip = c.rip;
    r->cs = (uint16_t)(c.cs | 3);
    r->rflags = (c.rflags & ~FLAGS_REFUSED) | X86_EFLAGS_IF;
    r->rsp = c.rsp;
    r->ss = (uint16_t)(c.ss | 3);
    if (unlikely(sysret_allowed(&c))) {
        r->vector = REGS_SYSCALL;
    } else {
        r->vector = 0;
        r->r11 = c.r11;
        r->rcx = c.rcx;
    }
    WRITE_ONCE(v->info->evtchn_upcall_mask, !(c.rflags & X86_EFLAGS_IF));
    v->nmi_masked = false;
    return c.rax;
}
