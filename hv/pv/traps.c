/* SPDX-License-Identifier: MIT */
/*
 * Exceptions raised by PV guests: fix the cause, emulate the instruction, or let the guest take the trap.
 *
 * Guest kernels run in ring 3, so most of what they do as kernels shows up here as #GP (privileged
 * instructions, int n) or as #PF (writes to their own page tables, which are mapped read-only).
 */
#include "hv/cpu/cpuid.h"
#include "hv/cpu/msr_index.h"
#include "hv/cpu/trace.h"
#include "hv/cpu/trap.h"
#include "hv/domain/cpuid_policy.h"
#include "hv/pv/debugreg.h"
#include "hv/pv/emulate.h"
#include "hv/pv/l1tf.h"
#include "hv/pv/pv.h"

/* Selector error code bits (SDM Vol. 3 §6.13). */
#define XEC_EXT BIT(0)
#define XEC_IDT BIT(1)

/*
 * The vector of a software interrupt that the IDT refused. The error code tells it, except on QEMU's software
 * emulation, which in 64-bit mode computes it as n*16+2 (error_code_64bit of its IDT entries); there the
 * instruction is asked.
 */
static __noinline uint8_t refused_int_vector(const struct regs *r)
{
    uint64_t insn;

    if (host_cpu.tcg && pv_fetch_word(r->rip, &insn) && (uint8_t)insn == 0xcd)
        return (uint8_t)(insn >> 8);
    return (uint8_t)(r->error_code >> 3);
}

/* The guest's gate for `vector` may be used by software: DPL 0 never, 1 and 2 from the kernel, 3 always. */
static bool softint_permitted(const struct vcpu *v, const struct trap_info *ti)
{
    unsigned int dpl = TI_GET_DPL(ti);

    return dpl == 3 || (dpl && v->pv.in_kernel);
}

static __noinline void general_protection(struct regs *r)
{
    struct vcpu *v = current;

    if ((r->error_code & (XEC_IDT | XEC_EXT)) == XEC_IDT) {
        uint8_t vector = refused_int_vector(r);
        const struct trap_info *ti = pv_trap(v, vector);

        if (softint_permitted(v, ti)) {
            r->rip += 2;
            pv_inject_software(ti);
            return;
        }
        r->error_code = (uint32_t)vector << 3 | XEC_IDT;
    } else if (r->error_code == 0 && pv_emulate_privileged(r)) {
        return;
    }
    pv_inject_trap(TRAP_GP, r->error_code);
}

/* CR0.TS is loaded as the guest set it; delivering #NM clears it (the PV ABI: the guest need not clts). */
static void device_not_available(void)
{
    struct vcpu *v = current;

    __asm__ volatile("clts");
    v->pv.ts = false;
    pv_inject_trap(TRAP_NM, 0);
}

/* DR6 collects conditions until the guest clears them, as the real one does. */
static void debug_exception(void)
{
    struct vcpu *v = current;

    v->pv.stepping = false;
    v->pv.dr6 = debugreg_merge_dr6(v->pv.dr6, read_dr6());
    write_dr6(DR6_DEFAULT);
    pv_inject_trap(TRAP_DB, 0);
}

static void guest_exception(struct regs *r)
{
    switch (r->vector) {
    case TRAP_GP:
        general_protection(r);
        break;
    case TRAP_UD:
        if (!pv_emulate_forced_cpuid(r))
            pv_inject_trap(TRAP_UD, 0);
        break;
    case TRAP_NM:
        device_not_available();
        break;
    case TRAP_DB:
        debug_exception();
        break;
    default:
        pv_inject_trap(r->vector, r->error_code);
    }
}

static bool ldt_window_offset(const struct vcpu *v, uint64_t cr2, uint64_t *offset)
{
    *offset = cr2 - pv_ldt_window(v);
    return *offset < LDT_WINDOW_BYTES;
}

/*
 * A fault in the hypervisor's range. The CPU reads descriptors through the vCPU's windows there: an LDT page
 * is mapped on first use, and one that cannot be mapped becomes the fault on the guest's own LDT address; a
 * GDT page that the guest never set holds no descriptors, so the selector is as invalid as one behind the
 * limit.
 */
static void hv_range_fault(struct regs *r, uint64_t cr2)
{
    struct vcpu *v = current;
    uint64_t offset;

    if (ldt_window_offset(v, cr2, &offset)) {
        if (!pv_map_ldt_page(v, (uint32_t)(offset >> PAGE_SHIFT)))
            pv_inject_page_fault(v->pv.ldt_base + offset, r->error_code);
        return;
    }
    offset = cr2 - pv_gdt_window(v);
    if (offset < GDT_WINDOW_BYTES)
        pv_inject_trap(TRAP_GP, (uint32_t)offset & ~7u);
    else
        pv_inject_page_fault(cr2, r->error_code);
}

static bool in_hv_range(uint64_t va)
{
    return va - HV_VIRT_START < HV_VIRT_END - HV_VIRT_START;
}

static void guest_page_fault(struct regs *r, uint64_t cr2)
{
    const uint32_t protection = PFEC_PRESENT | PFEC_WRITE;

    if (unlikely(in_hv_range(cr2))) {
        hv_range_fault(r, cr2);
        return;
    }
    if ((r->error_code & (protection | PFEC_RESERVED | PFEC_INSN)) == protection && current->pv.in_kernel &&
        pv_emulate_pte_write(r, cr2))
        return;
    pv_inject_page_fault(cr2, r->error_code);
}

/* The hypervisor touched the LDT window for a guest: loading a selector, or the iretq to one. */
static bool hv_mode_page_fault(struct regs *r __unused, uint64_t cr2)
{
    struct vcpu *v = current;
    uint64_t offset;

    return is_pv_domain(v->domain) && ldt_window_offset(v, cr2, &offset) &&
           pv_map_ldt_page(v, (uint32_t)(offset >> PAGE_SHIFT));
}

/*
 * The iretq to the guest faulted: the guest takes the exception as if its first instruction there had raised
 * it. `r` is the frame of that iretq, with the fault's vector and error code.
 */
static bool iret_fault(struct regs *r)
{
    uint64_t cr2 = read_cr2();

    if (r->vector != TRAP_PF)
        pv_inject_trap(r->vector, r->error_code);
    else if (in_hv_range(cr2))
        hv_range_fault(r, cr2);
    else
        pv_inject_page_fault(cr2, r->error_code);
    return true;
}

/*
 * QEMU's TCG (7.2) may leave any value behind cmpxchg16b, and an interrupt that saves it makes it real: DF,
 * with which the guest's copies go backwards, or TF. Bits that cannot be tell such a value (reserved ones do
 * not: QEMU may keep them for good). TF alone may be true only before the first instruction of a step, which
 * an iret began: after that instruction there would have been #DB.
 */
static void odd_flags(struct regs *r)
{
    if (!host_cpu.tcg)
        return;
    if (r->rflags & X86_EFLAGS_IMPOSSIBLE)
        r->rflags = (r->rflags & X86_EFLAGS_STATUS) | X86_EFLAGS_MBS | X86_EFLAGS_IF;
    else if (!current->pv.stepping)
        r->rflags &= ~X86_EFLAGS_TF;
}

static const struct guest_trap_ops pv_trap_ops = {
    .exception = guest_exception,
    .page_fault = guest_page_fault,
    .hv_page_fault = hv_mode_page_fault,
    .iret_fault = iret_fault,
    .odd_flags = odd_flags,
};

void pv_init(void)
{
    cpuid_policy_init();
    pv_l1tf_init();
    guest_trap_ops = &pv_trap_ops;
}
