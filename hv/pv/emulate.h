/* SPDX-License-Identifier: MIT */
/* Emulation of privileged instructions: what its parts (emulate_priv.c, emulate_io.c, emulate_msr.c) offer
 * each other. */
#ifndef HV_PV_EMULATE_H
#define HV_PV_EMULATE_H

#include "hv/cpu/msr_index.h"
#include "hv/domain/domain.h"
#include "hv/pv/decode.h"

/* CR0 of every PV guest but for TS, which is the guest's own. */
#define PV_CR0 (CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_PG)

/* What an emulation came to. */
enum emulation {
    EMULATE_DONE,      /* go on behind the instruction */
    EMULATE_REPEAT,    /* done in part (rep): the same instruction again */
    EMULATE_FAULT,     /* the guest takes the #GP */
    EMULATE_DELIVERED, /* another trap was injected */
};

/* A CR4 value that the guest asked for, as it then reads it: its own bits, and those that every PV guest
 * sees. */
uint64_t pv_guest_cr4(uint64_t asked);

/* rdmsr, wrmsr (hv/pv/emulate_msr.c). */
enum emulation emulate_rdmsr(struct vcpu *v, struct regs *r);
enum emulation emulate_wrmsr(struct vcpu *v, struct regs *r);

/* in, out, ins, outs (hv/pv/emulate_io.c). */
enum emulation emulate_port_io(struct vcpu *v, struct regs *r, const struct insn *i);

/* CPUID by the domain's policy, into rax..rdx. */
void emulate_cpuid(const struct vcpu *v, struct regs *r);

#endif
