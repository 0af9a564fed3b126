/* SPDX-License-Identifier: MIT */
/* Hardware guests: construction, schedule in and out, the way into the guest, the end. */
#include "hv/hvm/hvm.h"
#include "hv/cpu/cpuid.h"
#include "hv/cpu/cpuid.h"
#include "hv/cpu/crash.h"
#include "hv/cpu/desc.h"
#include "hv/cpu/fpu.h"
#include "hv/cpu/insn.h"
#include "hv/cpu/ipi.h"
#include "hv/cpu/msr_index.h"
#include "hv/cpu/tlb.h"
#include "hv/domain/cpuid_policy.h"
#include "hv/domain/work.h"
#include "hv/hvm/guest_walk.h"
#include "hv/hvm/interrupt.h"
#include "hv/hvm/svm.h"
#include "hv/hvm/vmx.h"
#include "hv/io/console.h"
#include "hv/lib/errno.h"
#include "hv/lib/string.h"
#include "hv/mm/domain_memory.h"
#include "hv/mm/guest_access.h"
#include "hv/mm/heap.h"
#include "hv/sched/sched.h"

const struct hvm_ops *hvm_ops __ro_after_init;
static struct hvm_ops chosen_ops __ro_after_init;
static int enable_error;
static cpumask_t avoided_cpus __ro_after_init;

/* Domain and vCPU */

static int hvm_domain_init(struct domain *d)
{
    d->hvm = hv_zalloc(sizeof(*d->hvm));
    if (!d->hvm)
        return -ENOMEM;
    d->sched.avoid = avoided_cpus;
    cpuid_policy_replace(d, NULL);
    return p2m_init(d, hvm_ops->p2m_format, hvm_ops->p2m_max_order);
}

static void hvm_domain_free(struct domain *d)
{
    cpuid_policy_replace(d, NULL);
    if (!d->hvm)
        return;
    p2m_free(d);
    if (d->hvm->apic_page)
        hv_free_pages(d->hvm->apic_page, 0);
    hv_free(d->hvm);
    d->hvm = NULL;
}

/* 0, -ENOMEM: hvm_vcpu_free takes back what there is. */
static int hvm_vcpu_init(struct vcpu *v)
{
    int rc;

    v->hvm = hv_zalloc(sizeof(*v->hvm));
    if (!v->hvm)
        return -ENOMEM;
    rc = vlapic_init(&v->hvm->vlapic, v);
    if (!rc)
        rc = hvm_ops->vcpu_init(v);
    if (rc)
        return rc;
    v->hvm->mtrr_def_type = MTRR_ENABLED | MTRR_WRITE_BACK;
    v->info->evtchn_upcall_mask = 0; /* not used: interrupts are held back by rflags.IF */
    hvm_reset_registers(v);
    return 0;
}

static void hvm_vcpu_free(struct vcpu *v)
{
    if (!v->hvm)
        return;
    hvm_ops->vcpu_free(v);
    vlapic_free(&v->hvm->vlapic);
    if (v->hvm->compat_args)
        hv_free_pages(v->hvm->compat_args, 0);
    hv_free(v->hvm);
    v->hvm = NULL;
}

static void hvm_switch_from(struct vcpu *v)
{
    v->regs = *guest_regs();
    hvm_ops->switch_from(v);
    fpu_switch_from(v);
}

static void hvm_switch_to(struct vcpu *v)
{
    if (read_cr3() != virt_to_phys(idle_l4))
        tlb_switch_cr3(virt_to_phys(idle_l4));
    gdt_load_own();
    ldt_load(0, 0);
    fpu_switch_to(v);
    *guest_regs() = v->regs;
    if (host_cpu.rdtscp)
        wrmsr(MSR_TSC_AUX, v->hvm->tsc_aux);
    hvm_ops->switch_to(v);
}

static void __noreturn hvm_resume(void)
{
    hvm_ops->resume();
}

/* hvm_enter() looks for it. */
static void hvm_take_nmi(void)
{
}

static int hvm_relinquish(struct domain *d)
{
    struct hvm_domain *h = d->hvm;
    int rc = p2m_teardown(d);

    if (rc)
        return rc;
    while ((h->relinquish_at = domain_frame_next(d, h->relinquish_at))) {
        frame_drop_allocation(h->relinquish_at);
        if (work_exhausted(1))
            return -ERESTART;
    }
    return 0;
}

static void hvm_dump_vcpu(const struct vcpu *v)
{
    show_registers(v == current ? guest_regs() : &v->regs);
    hvm_ops->dump(v);
}

static void hvm_show_counts(const struct vcpu *v)
{
    printk("    exits of d%uv%u:", v->domain->id, v->id);
    for (unsigned int i = 0; i < HVM_EXITS; i++)
        if (v->hvm->exits[i])
            printk(" %s %lu", hvm_exit_names[i], v->hvm->exits[i]);
    printk("\n");
}

static struct frame *hvm_get_frame(struct domain *d, gfn_t g, bool write)
{
    return p2m_get_frame(d, g, write, NULL);
}

/* What SCHEDOP_block and a halt wait for. */
static bool hvm_event_deliverable(const struct vcpu *v)
{
    return v->hvm->event.valid || (v->nmi_pending && !v->nmi_masked) ||
           hvm_interrupt_pending((struct vcpu *)(uintptr_t)v) >= 0;
}

const struct guest_ops hvm_guest_ops = {
    .name = "HVM",
    .domain_init = hvm_domain_init,
    .domain_free = hvm_domain_free,
    .vcpu_init = hvm_vcpu_init,
    .vcpu_free = hvm_vcpu_free,
    .switch_from = hvm_switch_from,
    .switch_to = hvm_switch_to,
    .resume = hvm_resume,
    .relinquish = hvm_relinquish,
    .take_nmi = hvm_take_nmi,
    .dump_vcpu = hvm_dump_vcpu,
    .show_counts = hvm_show_counts,
    .get_frame = hvm_get_frame,
    .event_deliverable = hvm_event_deliverable,
};

/* Guest memory in hypercalls */

static uint32_t copy_access(bool write)
{
    return write ? PFEC_WRITE : 0;
}

static int hvm_copy(void *buf, gva_t at, size_t bytes, bool write)
{
    struct vcpu *v = current;
    uint64_t offset = at.va - COMPAT_ARGS_ADDRESS;

    /* A 32-bit guest cannot name this address. */
    if (unlikely(v->hvm->compat_args && offset < PAGE_SIZE && bytes <= PAGE_SIZE - offset)) {
        memcpy(write ? (char *)v->hvm->compat_args + offset : buf,
               write ? buf : (char *)v->hvm->compat_args + offset, bytes);
        return 0;
    }
    return guest_copy(v, buf, at.va, bytes, copy_access(write), NULL) ? 0 : -EFAULT;
}

static const struct guest_memory_ops memory_ops = { .copy = hvm_copy };

/* Start */

static void enable_cpu(void *arg __unused)
{
    int rc = chosen_ops.cpu_enable();

    if (rc) {
        printk(LOG_ERR "CPU%u: %s cannot be switched on (error %d)\n", this_cpu_id(), chosen_ops.name, -rc);
        WRITE_ONCE(enable_error, rc);
    }
}

/*
 * QEMU's TCG keeps in one word of the first CPU whether it is in a guest and translates by nested tables, and
 * x87's IGNNE#, which each load of FPU state on any CPU clears there. Its threads do that without a lock:
 * sooner or later the first CPU loses its way into a guest or out of one, and the guest or the machine faults
 * three times.
 */
static void __init avoid_shared_cpu(void)
{
    if (!host_cpu.tcg || !host_cpu.svm || cpu_online_map.bits == BIT(0))
        return;
    cpumask_set(&avoided_cpus, 0);
    printk(LOG_INFO
           "hardware guests: not on CPU0, because QEMU's TCG breaks its SVM state from other CPUs\n");
}

void __init hvm_init(void)
{
    const char *bad = host_cpu.svm ? svm_detect(&chosen_ops) : vmx_detect(&chosen_ops);

    if (!bad) {
        on_cpus(cpu_online_map, enable_cpu, NULL);
        bad = enable_error ? "a CPU cannot run them" : NULL;
    }
    if (bad) {
        printk(LOG_INFO "hardware guests: none, %s\n", bad);
        return;
    }
    avoid_shared_cpu();
    guest_memory_ops = &memory_ops;
    hvm_ops = &chosen_ops;
}

/* The way into the guest */

static void take_startup(struct vcpu *v)
{
    uint8_t vector;

    switch (vlapic_take_startup(vcpu_vlapic(v), &vector)) {
    case VLAPIC_SIPI:
        hvm_reset_registers(v);
        hvm_start_at_sipi(v, vector);
        break;
    case VLAPIC_INIT:
        hvm_reset_registers(v);
        cpu_raise(CPU_PENDING_SCHEDULE);
        break;
    default:
        break;
    }
}

static bool can_interrupt(const struct vcpu *v)
{
    return (guest_regs()->rflags & X86_EFLAGS_IF) && !hvm_ops->interrupt_shadow(v);
}

/* Choose an event when none is on its way. True: another waits until the guest can take it. */
static bool choose_event(struct vcpu *v)
{
    struct hvm_event *e = &v->hvm->event;
    bool another;
    int vector;

    if (unlikely(v->nmi_pending && !v->nmi_masked && !e->valid)) {
        if (hvm_ops->interrupt_shadow(v))
            return true;
        v->nmi_pending = 0;
        v->nmi_masked = true;
        *e = (struct hvm_event){ .valid = true, .type = HVM_EVENT_NMI, .vector = TRAP_NMI };
    }
    vector = hvm_interrupt_pending(v);
    if (likely(vector < 0))
        return false;
    if (vcpu_vlapic(v)->hardware && !(vector & HVM_CALLBACK))
        return false; /* the processor delivers it */
    if (e->valid || !can_interrupt(v))
        return true;
    /* Behind one of the local APIC no other can come until it is served. */
    another = (vector & HVM_CALLBACK) && !vcpu_vlapic(v)->hardware && vlapic_pending(vcpu_vlapic(v)) >= 0;
    if (!another && hvm_ops->offer_interrupt && hvm_ops->offer_interrupt(v, vector))
        return false;
    hvm_interrupt_taken(v, vector);
    *e = (struct hvm_event){ .valid = true, .type = HVM_EVENT_INTERRUPT, .vector = (uint8_t)vector };
    return another;
}

void hvm_enter(struct vcpu *v)
{
    struct hvm_vcpu *h = v->hvm;
    uint64_t epoch = READ_ONCE(v->domain->hvm->p2m.epoch);

    if (unlikely(vlapic_startup_pending(&h->vlapic)))
        take_startup(v);
    if (unlikely(h->p2m_epoch != epoch)) {
        h->p2m_epoch = epoch;
        hvm_ops->flush_guest_tlb(v);
    }
    hvm_ops->interrupt_window(v, choose_event(v));
    if (h->event.valid)
        hvm_ops->inject(v, &h->event);
}

/* Events of the guest's own making */

static bool is_contributory(uint8_t vector)
{
    return vector == TRAP_DE || (vector >= TRAP_TS && vector <= TRAP_GP);
}

static bool has_error_code(uint8_t vector)
{
    return vector == TRAP_DF || (vector >= TRAP_TS && vector <= TRAP_PF) || vector == TRAP_AC;
}

/* SDM Vol. 3 §6.15 "Interrupt 8": which pairs of exceptions make a double fault. */
void hvm_inject_exception(struct vcpu *v, uint8_t vector, uint32_t error_code)
{
    struct hvm_event *e = &v->hvm->event;

    if (e->valid && e->type == HVM_EVENT_EXCEPTION) {
        bool twice = (is_contributory(e->vector) && is_contributory(vector)) ||
                     (e->vector == TRAP_PF && (vector == TRAP_PF || is_contributory(vector)));

        if (e->vector == TRAP_DF) {
            hvm_triple_fault();
            return;
        }
        if (twice) {
            vector = TRAP_DF;
            error_code = 0;
        }
    }
    *e = (struct hvm_event){ .valid = true,
                             .type = HVM_EVENT_EXCEPTION,
                             .vector = vector,
                             .has_error_code = has_error_code(vector) && (v->hvm->cr0 & CR0_PE),
                             .error_code = error_code };
}

void hvm_inject_page_fault(struct vcpu *v, uint64_t address, uint32_t error_code)
{
    v->hvm->cr2 = address;
    hvm_ops->update_cr(v, 2);
    hvm_inject_exception(v, TRAP_PF, error_code);
}
