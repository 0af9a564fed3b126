/* SPDX-License-Identifier: MIT */
/*
 * PV domains and vCPUs: construction, schedule in and out, the end.
 *
 * Schedule out leaves the CPU on its own GDT and with no guest state in it but the page tables, which the
 * next vCPU (or the idle loop) replaces. An NMI may come at any instruction, so GDTR always points at mapped
 * memory: own GDT first, then CR3, then the new window.
 */
#include "hv/cpu/cpuid.h"
#include "hv/cpu/crash.h"
#include "hv/cpu/desc.h"
#include "hv/cpu/fpu.h"
#include "hv/cpu/ipi.h"
#include "hv/cpu/msr_index.h"
#include "hv/cpu/trap.h"
#include "hv/domain/cpuid_policy.h"
#include "hv/io/console.h"
#include "hv/lib/bug.h"
#include "hv/lib/errno.h"
#include "hv/lib/string.h"
#include "hv/mm/heap.h"
#include "hv/pv/debugreg.h"
#include "hv/pv/guest_stack.h"
#include "hv/pv/pv.h"
#include "hv/pv/pv_mm.h"

/* CR4 bits that follow the guest's choice; the rest is the hypervisor's on every CPU. */
#define CR4_GUEST (CR4_TSD | CR4_FSGSBASE)

/* hv/cpu/entry.S */
void ret_to_pv_guest(void);
void __noreturn stack_reset_and_jump(void (*fn)(void));

static int pv_domain_init(struct domain *d)
{
    cpuid_policy_replace(d, NULL);
    return 0;
}

static void pv_domain_free(struct domain *d)
{
    cpuid_policy_replace(d, NULL);
}

/* 0, -ENOMEM: pv_vcpu_free takes back what there is. */
static int pv_vcpu_init(struct vcpu *v)
{
    if (pv_window_alloc(v) || !pv_traps_init(v))
        return -ENOMEM;
    pv_vcpu_reset(v);
    return 0;
}

static void pv_vcpu_free(struct vcpu *v)
{
    pv_traps_free(v);
    pv_window_free(v);
}

static void save_segments(struct vcpu *v)
{
    uint64_t active_gs = rdmsr(MSR_GS_BASE), other_gs = rdmsr(MSR_KERNEL_GS_BASE);

    __asm__ volatile("mov %%ds, %0" : "=m"(v->pv.ds));
    __asm__ volatile("mov %%es, %0" : "=m"(v->pv.es));
    __asm__ volatile("mov %%fs, %0" : "=m"(v->pv.fs));
    __asm__ volatile("mov %%gs, %0" : "=m"(v->pv.gs));
    v->pv.fs_base = rdmsr(MSR_FS_BASE);
    v->pv.gs_base_kernel = v->pv.in_kernel ? active_gs : other_gs;
    v->pv.gs_base_user = v->pv.in_kernel ? other_gs : active_gs;
}

#define LOAD_SELECTOR(reg)                                                         \
    static bool load_##reg(uint16_t sel)                                           \
    {                                                                              \
        __asm__ goto("1: movw %0, %%" #reg "\n\t" EX_GOTO_FAULT::"r"(sel)::fault); \
        return true;                                                               \
    fault:                                                                         \
        __asm__ volatile("movw %0, %%" #reg ::"r"((uint16_t)0));                   \
        return false;                                                              \
    }
LOAD_SELECTOR(ds)
LOAD_SELECTOR(es)
LOAD_SELECTOR(fs)
LOAD_SELECTOR(gs)
#undef LOAD_SELECTOR

/* A selector whose descriptor is no longer valid is loaded NUL and reported through the failsafe callback. */
static void load_segments(struct vcpu *v)
{
    bool ok = load_ds(v->pv.ds);

    ok &= load_es(v->pv.es);
    ok &= load_fs(v->pv.fs);
    ok &= load_gs(v->pv.gs);
    wrmsr(MSR_FS_BASE, v->pv.fs_base);
    wrmsr(MSR_GS_BASE, v->pv.in_kernel ? v->pv.gs_base_kernel : v->pv.gs_base_user);
    wrmsr(MSR_KERNEL_GS_BASE, v->pv.in_kernel ? v->pv.gs_base_user : v->pv.gs_base_kernel);
    if (unlikely(!ok))
        pv_inject_failsafe(v->pv.ds, v->pv.es, v->pv.fs, v->pv.gs);
}

void pv_load_cr4(const struct vcpu *v)
{
    uint64_t now = read_cr4();
    uint64_t want = (now & ~CR4_GUEST) | (v->pv.cr4 & CR4_GUEST);

    if (want != now)
        write_cr4(want);
}

static void pv_switch_from(struct vcpu *v)
{
    v->regs = *guest_regs();
    save_segments(v);
    fpu_switch_from(v);
    debugreg_unload(v);
    gdt_load_own();
    ldt_load(0, 0);
}

/* The CPU's reserved GDT page into the vCPU's window. A stale translation can only come from an earlier stay
 * here of this vCPU, or of one that had the window before. */
static void map_reserved_gdt_page(struct vcpu *v)
{
    pte_t e = pte_make(cpu_gdt_mfn(this_cpu_id()), HV_RW);

    if (v->pv.window[GDT_RESERVED_PAGE] == e)
        return;
    WRITE_ONCE(v->pv.window[GDT_RESERVED_PAGE], e);
    invlpg(pv_gdt_window(v) + GDT_RESERVED_BYTE);
}

static void pv_switch_to(struct vcpu *v)
{
    cpumask_set(&v->dirty_cpus, this_cpu_id());
    map_reserved_gdt_page(v);
    pv_load_cr3(v);
    gdt_load(pv_gdt_window(v));
    if (v->pv.ldt_entries)
        ldt_load(pv_ldt_window(v), v->pv.ldt_entries);
    pv_load_cr4(v);
    fpu_switch_to(v);
    if (v->pv.ts)
        write_cr0(read_cr0() | CR0_TS);
    debugreg_load(v);
    *guest_regs() = v->regs;
    load_segments(v);
}

static void __noreturn pv_resume(void)
{
    stack_reset_and_jump(ret_to_pv_guest);
}

static void pv_dump_vcpu(const struct vcpu *v)
{
    const struct regs *r = v == current ? guest_regs() : &v->regs;

    printk("d%uv%u: guest %s mode, kernel table %#lx, user table %#lx, iopl %u%s\n", v->domain->id, v->id,
           v->pv.in_kernel ? "kernel" : "user", v->pv.kernel_table.m, v->pv.user_table.m, v->pv.iopl,
           v->pv.ts ? ", TS" : "");
    show_registers(r);
}

/* PV guests name machine frames; whether a frame is writable is a matter of its type. */
static struct frame *pv_get_frame(struct domain *d, gfn_t g, bool write __unused)
{
    return frame_get_from_mfn(mfn(g.g), d) ? mfn_to_frame(mfn(g.g)) : NULL;
}

const struct guest_ops pv_guest_ops = {
    .name = "PV",
    .domain_init = pv_domain_init,
    .domain_free = pv_domain_free,
    .vcpu_init = pv_vcpu_init,
    .vcpu_free = pv_vcpu_free,
    .switch_from = pv_switch_from,
    .switch_to = pv_switch_to,
    .resume = pv_resume,
    .relinquish = pv_relinquish_memory,
    .take_nmi = pv_inject_nmi,
    .dump_vcpu = pv_dump_vcpu,
    .get_frame = pv_get_frame,
};
