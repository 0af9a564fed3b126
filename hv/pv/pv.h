/* SPDX-License-Identifier: MIT */
/* What the parts of hv/pv offer each other and the hypercalls. */
#ifndef HV_PV_PV_H
#define HV_PV_PV_H

#include "hv/domain/domain.h"
#include "hv/cpu/current.h"

extern const struct guest_ops pv_guest_ops; /* hv/pv/pv_domain.c */

/*
 * Trap delivery (hv/pv/bounce.c): build the bounce frame on the guest's kernel stack and point the live frame (guest_regs()) at
 * the handler. A missing handler or bad stack crashes the domain. Current vCPU only.
 */
void pv_inject_trap(unsigned int vector, uint32_t error_code); /* error code is pushed for the vectors that have one */
void pv_inject_page_fault(uint64_t cr2, uint32_t error_code);
void pv_inject_event(void);     /* event callback; masks events */
void pv_inject_nmi(void);
void pv_inject_failsafe(uint16_t ds, uint16_t es, uint16_t fs, uint16_t gs);
void pv_enter_syscall(struct regs *r);   /* syscall from guest user mode */
void pv_enter_sysenter(struct regs *r);

/*
 * VCPUOP_initialise, DOMCTL_setvcpucontext (hv/pv/pv_context.c): give v, which does not run, the register state, tables and callbacks of
 * `c`, which is already a copy. 0; -EINVAL; -ERESTART while its page tables are being validated. Sets v->initialised. Lock: d->lock held.
 */
int pv_vcpu_set_context(struct vcpu *v, const struct vcpu_guest_context *c);

/* Switch between guest kernel and user mode: GS base and CR3 (hv/pv/pv_domain.c). */
void pv_toggle_mode(struct vcpu *v);

/* HYPERVISOR_iret (hv/pv/iret.c): returns the value for rax. */
uint64_t pv_iret(void);

/* Emulation of a faulting instruction of the guest (hv/pv/emulate_priv.c): true = done, the guest goes on. */
bool pv_emulate_privileged(struct regs *r);
bool pv_emulate_forced_cpuid(struct regs *r);
/* Write to a read-only L1 page (hv/pv/emulate_pte.c) */
bool pv_emulate_pte_write(struct regs *r, uint64_t cr2);

/* Fill a page of the guest with the hypercall stubs (hv/pv/hypercall_page.c). */
void pv_fill_hypercall_page(void *page);

/* Address space switch (hv/pv/pv_mm.c) */
void pv_load_cr3(struct vcpu *v);
/* Fill slots 256..271 of an L4 that becomes d's. */
void pv_init_hv_slots(struct domain *d, pte_t *l4);

/* Descriptors (hv/pv/descriptor.c) */
bool pv_descriptor_ok(uint64_t *desc);   /* fix DPL, refuse dangerous ones */
int pv_set_gdt(struct vcpu *v, const uint64_t *frames, uint32_t entries); /* takes seg_desc references; 0, -EINVAL */
void pv_drop_gdt(struct vcpu *v);
bool pv_map_ldt_page(struct vcpu *v, uint32_t page); /* on #PF in the LDT window */
void pv_drop_ldt(struct vcpu *v);

#endif
