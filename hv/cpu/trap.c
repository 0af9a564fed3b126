/* SPDX-License-Identifier: MIT */
/* Where entry.S hands over exceptions and interrupts. */
#include "hv/cpu/trap.h"
#include "hv/cpu/apic.h"
#include "hv/cpu/crash.h"
#include "hv/cpu/current.h"
#include "hv/cpu/desc.h"
#include "hv/cpu/insn.h"
#include "hv/cpu/ipi.h"
#include "hv/cpu/nmi.h"
#include "hv/cpu/trace.h"
#include "hv/io/console.h"
#include "hv/lib/bug.h"
#include "hv/lib/string.h"

const struct guest_trap_ops *guest_trap_ops __ro_after_init;

static void (*irq_handlers[256])(uint8_t vector);

/* entry.S calls these by name. */
void trap_from_guest(struct regs *r);
void trap_from_hypervisor(struct regs *r);
void trap_on_ist(struct regs *r);
extern const char guest_iretq[];
void ret_to_pv_guest(void);
void __noreturn stack_reset_and_jump(void (*fn)(void));

struct ex_entry {
    uint64_t from, to;
};
extern const struct ex_entry ex_table_start[], ex_table_end[];

void set_irq_vector_handler(uint8_t vector, void (*fn)(uint8_t vector))
{
    irq_handlers[vector] = fn;
}

uint8_t alloc_irq_vector(void)
{
    /* Stride 0x10 first spreads neighbours over the APIC's priority classes. */
    static uint8_t next = VECTOR_FIRST_DEVICE;

    for (unsigned int tries = 0; tries <= VECTOR_LAST_DEVICE - VECTOR_FIRST_DEVICE; tries++) {
        uint8_t v = next;

        next = v == VECTOR_LAST_DEVICE ? VECTOR_FIRST_DEVICE : (uint8_t)(v + 1);
        if (!irq_handlers[v])
            return v;
    }
    return 0;
}

void free_irq_vector(uint8_t vector)
{
    irq_handlers[vector] = NULL;
}

uint64_t ex_table_fixup(uint64_t rip)
{
    for (const struct ex_entry *e = ex_table_start; e < ex_table_end; e++)
        if (e->from == rip)
            return e->to;
    return 0;
}

static void irq_dispatch(struct regs *r)
{
    uint8_t vector = (uint8_t)r->vector;
    void (*handler)(uint8_t) = READ_ONCE(irq_handlers[vector]); /* another CPU may be freeing the vector */

    if (likely(handler)) {
        handler(vector);
        return;
    }
    if (vector != VECTOR_SPURIOUS) {
        apic_eoi();
        printk(LOG_WARNING "interrupt on vector %#x that nothing handles\n", vector);
    }
}

void trap_from_guest(struct regs *r)
{
    if (r->vector == TRAP_PF)
        guest_trap_ops->page_fault(r, read_cr2());
    else if (r->vector < 32)
        guest_trap_ops->exception(r);
    else {
        if (unlikely(r->rflags & X86_EFLAGS_ODD))
            guest_trap_ops->odd_flags(r);
        irq_dispatch(r);
    }
}

/*
 * The return to a guest faulted: its frame's selectors or rip are unusable. The CPU pushed its frame just
 * below the guest's rip..ss, over memory whose contents are in registers (and so in *r). Rebuild the guest's
 * frame at the top of the stack.
 */
static void __noreturn guest_iret_faulted(struct regs *r)
{
    struct regs *g = guest_regs();

    memmove(g, r, offsetof(struct regs, rip));
    guest_trap_ops->iret_fault(g);
    stack_reset_and_jump(ret_to_pv_guest);
}

/*
 * #DB while the hypervisor runs is always a guest's doing: its data breakpoint on memory that we read for it,
 * or a trap that `mov ss` or sysenter carried over the entry (XSA-260). Breakpoints on our own addresses are
 * refused (hv/pv/debugreg.c), so going on is safe; the guest does not get the trap.
 */
static void debug_trap(struct regs *r)
{
    r->rflags &= ~X86_EFLAGS_TF;
    write_dr6(0xffff0ff0);
}

void trap_from_hypervisor(struct regs *r)
{
    uint64_t fixup;

    if (r->vector >= 32) {
        irq_dispatch(r);
        return;
    }
    if (r->vector == TRAP_DB) {
        debug_trap(r);
        return;
    }
    if (r->vector == TRAP_PF && guest_trap_ops && guest_trap_ops->hv_page_fault(r, read_cr2()))
        return;
    if (r->rip == (uint64_t)guest_iretq)
        guest_iret_faulted(r);
    fixup = ex_table_fixup(r->rip);
    if (fixup) {
        r->rip = fixup;
        return;
    }
    fatal_trap(r, NULL);
}

void trap_on_ist(struct regs *r)
{
    if (r->vector == TRAP_NMI)
        nmi_handle(r);
    else
        fatal_trap(r, NULL);
}
