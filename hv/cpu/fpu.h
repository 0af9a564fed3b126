/* SPDX-License-Identifier: MIT */
/* FPU and extended state of vCPUs: saved with XSAVE (or FXSAVE), eager, skipped while a vCPU comes back to
 * its own state. */
#ifndef HV_CPU_FPU_H
#define HV_CPU_FPU_H

#include "hv/lib/types.h"

struct vcpu;

extern uint64_t xfeature_mask; /* XCR0 bits that guests may use; 0 without XSAVE */
extern uint32_t xsave_size;    /* bytes of the area for xfeature_mask; 512 without XSAVE */

void fpu_init_cpu(void);
int fpu_vcpu_init(struct vcpu *v); /* allocate a clean area; -ENOMEM */
void fpu_vcpu_free(struct vcpu *v);
void fpu_vcpu_reset(struct vcpu *v);
void fpu_switch_from(struct vcpu *v); /* save registers into v's area */
void fpu_switch_to(struct vcpu *v);   /* load v's state and XCR0 */
/* XSETBV by a guest: false when the value is not allowed. */
bool fpu_set_xcr0(struct vcpu *v, uint64_t value);

/* The guest changed XCR0 behind our back: take over what is loaded. v is current. */
void fpu_sync_xcr0(struct vcpu *v);

/*
 * The FXSAVE image of struct vcpu_guest_context (512 bytes). The vCPU does not run. Import makes x87 and SSE
 * the only components in use, and clears the reserved bits of MXCSR, which would fault when the state is
 * loaded.
 */
void fpu_import_legacy(struct vcpu *v, const void *image);
void fpu_export_legacy(const struct vcpu *v, void *image);

#endif
