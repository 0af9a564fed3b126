/* SPDX-License-Identifier: MIT */
/* Which interrupt a hardware guest's vCPU takes next: an event upcall of either kind, or its local APIC's. */
#ifndef HV_HVM_INTERRUPT_H
#define HV_HVM_INTERRUPT_H

#include "hv/lib/types.h"

struct vcpu;

/* With the vector: the upcall that goes past the local APIC. */
#define HVM_CALLBACK 0x100

/*
 * The vector that v is to be interrupted with as soon as it can be, or with HVM_CALLBACK; -1: none. Whether
 * it can (RFLAGS.IF, interrupt shadow) is for the caller to see. v is current.
 */
int hvm_interrupt_pending(struct vcpu *v);
/* The guest is given what hvm_interrupt_pending() returned. */
void hvm_interrupt_taken(struct vcpu *v, int pending);

#endif
