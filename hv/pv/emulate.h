/* SPDX-License-Identifier: MIT */
/* Emulation of privileged instructions: what its parts (emulate_*.c) offer each other. */
#ifndef HV_PV_EMULATE_H
#define HV_PV_EMULATE_H

#include "hv/cpu/msr_index.h"
#include "hv/domain/domain.h"
#include "hv/cpu/decode.h"

/* CR0 of every PV guest but for TS, which is the guest's own. */
#define PV_CR0 (CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_PG)

/* What an emulation came to. */
enum emulation {
    EMULATE_DONE,      /* go on behind the instruction */
    EMULATE_REPEAT,    /* done in part (rep): the same instruction again */
    EMULATE_FAULT,     /* the guest takes the #GP */
    EMULATE_DELIVERED, /* another trap was injected, or the domain crashed */
};

/* Copy up to 15 bytes at the guest's rip; how many there are (less at the end of what is mapped). */
unsigned int pv_fetch_insn(const struct regs *r, uint8_t bytes[16]);

/* The 8 bytes at rip; those behind the end of what is mapped read as zero. false: not even the first. */
bool pv_fetch_word(uint64_t rip, uint64_t *word);

/* Linear address of the memory operand, segment base included. */
uint64_t emulate_linear(const struct insn *i, const struct regs *r);

/* Only 64-bit code is decoded. */
bool emulate_in_64bit_code(const struct regs *r);
/* The instruction of `length` bytes is done: leave it as hardware does, with a #DB for TF or the bits of dr6.
 */
void emulate_retire(struct vcpu *v, struct regs *r, unsigned int length, uint64_t dr6);

/* Copy to and from the guest; a fault is delivered to it. false: delivered. */
bool emulate_read(uint64_t va, void *dst, unsigned int bytes);
bool emulate_write(uint64_t va, const void *src, unsigned int bytes);

/* A CR4 value that the guest asked for, as it then reads it: its own bits, and those that every PV guest
 * sees. */
uint64_t pv_guest_cr4(uint64_t asked);

/* The 0F map but MSRs (hv/pv/emulate_system.c): control and debug registers, clts, xsetbv, rdtsc, cpuid,
 * wbinvd. */
enum emulation emulate_system(struct vcpu *v, struct regs *r, const struct insn *i);

/* rdmsr, wrmsr (hv/pv/emulate_msr.c). */
enum emulation emulate_rdmsr(struct vcpu *v, struct regs *r);
enum emulation emulate_wrmsr(struct vcpu *v, struct regs *r);

/* in, out, ins, outs (hv/pv/emulate_io.c). Sets bits of DR6 for I/O breakpoints that were hit. */
enum emulation emulate_port_io(struct vcpu *v, struct regs *r, const struct insn *i, uint64_t *dr6);
/* cli, sti and port I/O without the bitmap: virtual IOPL against the mode's virtual CPL. */
bool emulate_iopl_ok(const struct vcpu *v);

/* CPUID by the domain's policy, into rax..rdx. */
void emulate_cpuid(const struct vcpu *v, struct regs *r);

#endif
