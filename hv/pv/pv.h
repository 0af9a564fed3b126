/* SPDX-License-Identifier: MIT */
/* What the parts of hv/pv offer each other and the hypercalls. */
#ifndef HV_PV_PV_H
#define HV_PV_PV_H

#include "hv/domain/domain.h"
#include "hv/cpu/current.h"
#include "hv/cpu/insn.h"

extern const struct guest_ops pv_guest_ops; /* hv/pv/pv_domain.c */

/*
 * Trap delivery (hv/pv/bounce.c): build the bounce frame on the guest's kernel stack and point the live frame
 * (guest_regs()) at the handler. A missing handler or bad stack crashes the domain. Current vCPU only.
 */
/* An exception (below 32): pushes the code if the vector has one. */
void pv_inject_trap(unsigned int vector, uint32_t error_code);
void pv_inject_software(const struct trap_info *ti); /* int n: never an error code */
void pv_inject_page_fault(uint64_t cr2, uint32_t error_code);
void pv_inject_event(void); /* event callback; masks events */
void pv_inject_nmi(void);
void pv_inject_failsafe(uint16_t ds, uint16_t es, uint16_t fs, uint16_t gs);
/* Entries of hv/cpu/entry.S: syscall from guest user mode; syscall from 32-bit code and sysenter. */
void syscall_from_user(struct regs *r);
void fast_entry_from_user(struct regs *r);

/*
 * Switch between guest kernel and user mode: GS base and page tables. User mappings are global and survive
 * it. Current vCPU only; the caller has checked that there are user tables. Who enters kernel mode by
 * pv_enter_kernel_mode() brings stale guest areas up to date afterwards.
 */
static __always_inline void pv_enter_kernel_mode(struct vcpu *v)
{
    v->pv.in_kernel = true;
    __asm__ volatile("swapgs" ::: "memory");
    v->pv.cr3 = v->pv.kernel_table.m << PAGE_SHIFT;
    write_cr3(v->pv.cr3);
}

static __always_inline void pv_enter_user_mode(struct vcpu *v)
{
    v->pv.in_kernel = false;
    __asm__ volatile("swapgs" ::: "memory");
    v->pv.cr3 = v->pv.user_table.m << PAGE_SHIFT;
    write_cr3(v->pv.cr3);
}

/* The trap table (hv/pv/trap_table.c): exceptions are always in it. */
#define TRAPS_ALL 256
bool pv_traps_init(struct vcpu *v); /* false: no memory */
void pv_traps_free(struct vcpu *v);
void pv_traps_clear(struct vcpu *v);
/* Make room for the vector's entry; v is current or does not run. False: no memory. */
bool pv_traps_reach(struct vcpu *v, uint8_t vector);

/* What v has for a vector that its guest chose. */
static inline const struct trap_info *pv_trap(const struct vcpu *v, uint8_t vector)
{
    static const struct trap_info none;

    return vector < v->pv.nr_traps ? &v->pv.traps[index_nospec(vector, v->pv.nr_traps)] : &none;
}

/* Emulation of a faulting instruction of the guest (hv/pv/emulate_priv.c): true = done, the guest goes on. */
bool pv_emulate_privileged(struct regs *r);
bool pv_emulate_forced_cpuid(struct regs *r);
/* Write to a read-only L1 page (hv/pv/emulate_pte.c) */
bool pv_emulate_pte_write(struct regs *r, uint64_t cr2);

/* Fill a page of the guest with the hypercall stubs (hv/pv/hypercall_page.c). */
void pv_fill_hypercall_page(void *page);

/* Address space switch (hv/pv/pv_mm.c) */
void pv_load_cr3(struct vcpu *v);
/* Fill slots 256..271 of an L4 that becomes a guest's. */
void pv_init_hv_slots(pte_t *l4);

/* TSD and FSGSBASE of the current vCPU's CR4 into the CPU's. */
void pv_load_cr4(const struct vcpu *v);

/* Descriptors and the windows through which the CPU reads them (hv/pv/descriptor.c) */
#define GDT_WINDOW_PAGES 16
#define LDT_WINDOW_PAGES 16
#define GDT_WINDOW_BYTES (GDT_WINDOW_PAGES * PAGE_SIZE)
#define LDT_WINDOW_BYTES (LDT_WINDOW_PAGES * PAGE_SIZE)

/* A window for a new vCPU (hv/pv/window.c). 0, -ENOMEM. */
int pv_window_alloc(struct vcpu *v);
void pv_window_free(struct vcpu *v);

static inline uint64_t pv_gdt_window(const struct vcpu *v)
{
    return v->pv.window_va;
}

static inline uint64_t pv_ldt_window(const struct vcpu *v)
{
    return v->pv.window_va + GDT_WINDOW_BYTES;
}

bool pv_descriptor_ok(uint64_t *desc); /* fix DPL, refuse dangerous ones */
/*
 * Replace v's GDT by `entries` descriptors in `frames` (one mfn per 512); takes seg_desc references. 0,
 * -EINVAL. Takes mmu_lock. v is current or not running.
 */
int pv_set_gdt(struct vcpu *v, const uint64_t *frames, uint32_t entries);
void pv_drop_gdt(struct vcpu *v); /* Lock: mmu_lock */
/* MMUEXT_SET_LDT: pages are mapped when the CPU first touches them. 0, -EINVAL. Lock: mmu_lock. */
int pv_set_ldt(struct vcpu *v, uint64_t base, uint64_t entries);
/* On a fault in the LDT window: map that page. Takes mmu_lock. */
bool pv_map_ldt_page(struct vcpu *v, uint32_t page);
/* Forget the mapped LDT pages; the CPU faults them in again. Lock: mmu_lock. */
void pv_drop_ldt(struct vcpu *v);

/* At boot: make the CPUID policy, point guest_trap_ops (hv/cpu/trap.h) at the PV handlers. */
void pv_init(void);

/*
 * Register state of a vCPU as the ABI's struct vcpu_guest_context (hv/pv/context.c). The vCPU is not running.
 * pv_vcpu_set_context: VCPUOP_initialise and domctl setvcpucontext; takes type references on the page tables
 * and mmu_lock. 0; -EINVAL: an address, selector, table or frame is refused, nothing changed; -ENOMEM;
 * -ERESTART: validation was preempted, call again.
 */
int pv_vcpu_set_context(struct vcpu *v, const struct vcpu_guest_context *c);
void pv_vcpu_get_context(const struct vcpu *v, struct vcpu_guest_context *c);
/* The state before any context: no handlers, no tables, initial registers. */
void pv_vcpu_reset(struct vcpu *v);

#endif
