/* SPDX-License-Identifier: MIT */
/*
 * Trap delivery to PV guests: the bounce frame.
 *
 * A guest's trap, event or system-call handler is entered in guest-kernel mode with this frame on its stack,
 * lowest address first (the public headers describe it only in part; the layout is what every PV kernel
 * pops):
 *
 *     rcx  r11  [error code]  rip  cs | saved upcall mask << 32  rflags  rsp  ss
 *
 * rcx and r11 are there because the way into the handler may be a sysret, which destroys them. From
 * guest-user mode the stack is the one set by stack_switch; from guest-kernel mode it is the interrupted one,
 * and cs gets RPL 0, by which the handler tells the two apart. The stack is aligned down to 16 first.
 * rflags.IF is the inverse of the saved upcall mask; IOPL shows only with VMASST_TYPE_architectural_iopl. A
 * failsafe frame has ds, es, fs and gs in place of the error code.
 *
 * A missing handler or an unusable stack leaves the guest no way on: its domain is crashed.
 */
#include "hv/cpu/desc.h"
#include "hv/lib/string.h"
#include "hv/pv/guest_stack.h"
#include "hv/pv/pv.h"

/* Vectors that push an error code: #DF #TS #NP #SS #GP #PF #AC #CP #VC #SX. */
#define VECTORS_WITH_ERROR_CODE                                                                \
    (BIT(TRAP_DF) | BIT(TRAP_TS) | BIT(TRAP_NP) | BIT(TRAP_SS) | BIT(TRAP_GP) | BIT(TRAP_PF) | \
     BIT(TRAP_AC) | BIT(21) | BIT(29) | BIT(30))

/* What the CPU clears on entry to a handler; AC too, so that alignment checks of user mode do not reach the
 * kernel. */
#define FLAGS_CLEARED \
    (X86_EFLAGS_TF | X86_EFLAGS_NT | X86_EFLAGS_RF | X86_EFLAGS_VM | X86_EFLAGS_AC | X86_EFLAGS_IOPL)

/* rflags as the guest sees them. */
static __always_inline uint64_t flags_image(const struct vcpu *v, const struct regs *r, uint8_t masked)
{
    uint64_t flags = r->rflags & ~(X86_EFLAGS_IF | X86_EFLAGS_IOPL);

    if (!masked)
        flags |= X86_EFLAGS_IF;
    if (v->domain->vm_assist & BIT(VMASST_TYPE_architectural_iopl))
        flags |= (uint64_t)v->pv.iopl << 12;
    return flags;
}

/*
 * Go on at `eip` in guest-kernel mode. The handler pops rcx and r11, so the way out may be sysret:
 * registration has checked that the address is canonical.
 */
static __always_inline void enter_kernel_at(struct regs *r, uint64_t eip, uint64_t sp, uint64_t clear)
{
    r->rip = eip;
    r->cs = SEL_GUEST_CS64;
    r->ss = SEL_GUEST_DS;
    r->rsp = sp;
    r->rflags &= ~clear;
    r->vector = REGS_SYSCALL;
}

static __noinline void bounce_impossible(uint64_t eip, uint64_t sp)
{
    struct domain *d = current->domain;
    unsigned int vector = guest_regs()->vector & 0xff;

    if (!eip)
        domain_crash(d, "no handler registered for the trap, event or callback to deliver (vector %u)",
                     vector);
    else
        domain_crash(d, "kernel stack %#lx cannot take a bounce frame (vector %u)", sp, vector);
}

/*
 * Push a frame and enter the handler at `eip`. with_error and clear are constant in each caller. Nothing is
 * called before the frame is complete, so that everything stays in registers.
 */
static __always_inline void bounce(struct vcpu *v, struct regs *r, uint64_t eip, bool mask_events,
                                   bool with_error, uint64_t error, uint64_t clear)
{
    struct vcpu_info *info = v->info;
    uint8_t masked = READ_ONCE(info->evtchn_upcall_mask);
    uint64_t cs = r->cs, sp = r->rsp, *frame, *p;

    if (v->pv.in_kernel) {
        cs &= ~3ULL;
    } else {
        pv_enter_kernel_mode(v);
        sp = v->pv.kernel_sp;
    }
    sp = ALIGN_DOWN(sp, 16UL) - (with_error ? 8 : 7) * sizeof(uint64_t);
    if (unlikely(!eip || !pv_stack_ok(sp)))
        goto impossible;
    frame = (uint64_t *)sp;
    p = frame + (with_error ? 3 : 2);
    pv_access_begin();
    guest_put(frame, r->rcx);
    guest_put(frame + 1, r->r11);
    if (with_error)
        guest_put(frame + 2, error);
    guest_put(p, r->rip);
    guest_put(p + 1, cs | (uint64_t)masked << 32);
    guest_put(p + 2, flags_image(v, r, masked));
    guest_put(p + 3, r->rsp);
    guest_put(p + 4, r->ss);
    pv_access_end();
    if (mask_events)
        WRITE_ONCE(info->evtchn_upcall_mask, 1);
    enter_kernel_at(r, eip, sp, clear);
    if (unlikely(v->guest_areas_stale))
        vcpu_update_guest_areas(v);
    return;
fault:
    pv_access_end();
impossible:
    bounce_impossible(eip, sp);
}

void pv_inject_trap(unsigned int vector, uint32_t error_code)
{
    struct vcpu *v = current;
    struct regs *r = guest_regs();
    const struct trap_info *ti = &v->pv.traps[vector & 31];

    if (VECTORS_WITH_ERROR_CODE & BIT(vector))
        bounce(v, r, ti->address, TI_GET_IF(ti), true, error_code, FLAGS_CLEARED);
    else
        bounce(v, r, ti->address, TI_GET_IF(ti), false, 0, FLAGS_CLEARED);
}

void pv_inject_software(const struct trap_info *ti)
{
    bounce(current, guest_regs(), ti->address, TI_GET_IF(ti), false, 0, FLAGS_CLEARED);
}

void pv_inject_page_fault(uint64_t cr2, uint32_t error_code)
{
    struct vcpu *v = current;
    const struct trap_info *ti = &v->pv.traps[TRAP_PF];

    v->pv.cr2 = cr2;
    v->info->arch.cr2 = cr2;
    /* Both guest modes are ring 3 to the CPU: tell the guest its own. */
    error_code &= ~PFEC_USER;
    if (!v->pv.in_kernel)
        error_code |= PFEC_USER;
    bounce(v, guest_regs(), ti->address, TI_GET_IF(ti), true, error_code, FLAGS_CLEARED);
}

void pv_inject_event(void)
{
    struct vcpu *v = current;

    bounce(v, guest_regs(), v->pv.event.eip, true, false, 0, FLAGS_CLEARED);
}

/* Further NMIs wait until the guest's iret hypercall. */
void pv_inject_nmi(void)
{
    struct vcpu *v = current;

    v->nmi_pending = 0;
    v->nmi_masked = true;
    pv_inject_trap(TRAP_NMI, 0);
}

void pv_inject_failsafe(uint16_t ds, uint16_t es, uint16_t fs, uint16_t gs)
{
    struct vcpu *v = current;
    struct regs *r = guest_regs();
    uint8_t masked = READ_ONCE(v->info->evtchn_upcall_mask);
    uint64_t cs, sp, *frame;

    cs = v->pv.in_kernel ? r->cs & ~3ULL : r->cs;
    sp = v->pv.in_kernel ? r->rsp : v->pv.kernel_sp;
    if (!v->pv.in_kernel)
        pv_enter_kernel_mode(v);
    sp = ALIGN_DOWN(sp, 16UL) - 11 * sizeof(uint64_t);
    if (!v->pv.failsafe.eip || !pv_stack_ok(sp))
        goto impossible;
    frame = (uint64_t *)sp;
    pv_access_begin();
    guest_put(frame, r->rcx);
    guest_put(frame + 1, r->r11);
    guest_put(frame + 2, ds);
    guest_put(frame + 3, es);
    guest_put(frame + 4, fs);
    guest_put(frame + 5, gs);
    guest_put(frame + 6, r->rip);
    guest_put(frame + 7, cs | (uint64_t)masked << 32);
    guest_put(frame + 8, flags_image(v, r, masked));
    guest_put(frame + 9, r->rsp);
    guest_put(frame + 10, r->ss);
    pv_access_end();
    if (v->pv.failsafe.mask_events)
        WRITE_ONCE(v->info->evtchn_upcall_mask, 1);
    enter_kernel_at(r, v->pv.failsafe.eip, sp, FLAGS_CLEARED);
    return;
fault:
    pv_access_end();
impossible:
    bounce_impossible(v->pv.failsafe.eip, sp);
}

/*
 * A system call from guest-user mode, entered from hv/cpu/entry.S. The kernel expects DF clear, as its SFMASK
 * would make it. Without a callback the guest has no such instruction.
 */
static __always_inline void enter_callback(struct regs *r, const struct pv_callback *cb)
{
    bounce(current, r, cb->eip, cb->mask_events, false, 0, FLAGS_CLEARED | X86_EFLAGS_DF);
}

static __noinline void undefined_syscall(struct regs *r)
{
    r->rip -= 2;
    pv_inject_trap(TRAP_UD, 0);
}

void syscall_from_user(struct regs *r)
{
    const struct pv_callback *cb = &current->pv.syscall;

    if (likely(cb->eip))
        enter_callback(r, cb);
    else
        undefined_syscall(r);
}

/* syscall from 32-bit code, and sysenter, which leaves neither rip nor rsp: the frame holds what the entry
 * code made up. */
void fast_entry_from_user(struct regs *r)
{
    struct vcpu *v = current;

    if (r->vector == REGS_SYSENTER) {
        if (v->pv.sysenter.eip)
            enter_callback(r, &v->pv.sysenter);
        else
            pv_inject_trap(TRAP_GP, 0);
    } else if (v->pv.syscall32.eip) {
        enter_callback(r, &v->pv.syscall32);
    } else {
        undefined_syscall(r);
    }
}
