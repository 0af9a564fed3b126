/* SPDX-License-Identifier: MIT */
/*
 * Traps: every exception, `int n`, callback and failsafe entry of a vCPU arrives in trap_entry(), which
 *  1. asks the hook that the running test installed for the vector, else
 *  2. unwinds to the innermost trap_catch(), leaving a record, else
 *  3. reports the registers and ends the domain.
 */
#ifndef GUESTS_TRAP_H
#define GUESTS_TRAP_H

#include <stdbool.h>
#include <stdint.h>
#include <xen/xen.h>
#include "tests/guests/framework/layout.h"

#define VEC_DE  0
#define VEC_DB  1
#define VEC_NMI 2
#define VEC_BP  3
#define VEC_OF  4
#define VEC_BR  5
#define VEC_UD  6
#define VEC_NM  7
#define VEC_TS  10
#define VEC_NP  11
#define VEC_SS  12
#define VEC_GP  13
#define VEC_PF  14
#define VEC_MF  16
#define VEC_AC  17
#define VEC_XM  19

#define PFEC_PRESENT 1
#define PFEC_WRITE   2
#define PFEC_USER    4
#define PFEC_RSVD    8
#define PFEC_INSN    16

#define EFLAGS_CF   0x0001u
#define EFLAGS_ZF   0x0040u
#define EFLAGS_TF   0x0100u
#define EFLAGS_IF   0x0200u
#define EFLAGS_DF   0x0400u
#define EFLAGS_IOPL 0x3000u
#define EFLAGS_NT   0x4000u
#define EFLAGS_RF   0x10000u
#define EFLAGS_AC   0x40000u
#define EFLAGS_ID   0x200000u

/* Order fixed by trap_common in entry.S. rip..ss is the bounce frame as the hypervisor wrote it. */
struct cpu_regs {
    uint64_t r15, r14, r13, r12, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rax, r11, rcx;
    uint64_t vector;
    uint64_t error;
    uint64_t rip;
    uint32_t cs, saved_mask;
    uint64_t rflags, rsp, ss;
};

struct trap_record {
    struct cpu_regs regs;
    uint64_t cr2;       /* vcpu_info.arch.cr2 at entry */
    uint64_t frame;     /* address of the lowest word that the hypervisor pushed (rcx) */
    bool masked_inside; /* evtchn_upcall_mask as the handler found it */
    bool from_user;
};

/* Returns true when the trap is dealt with and the interrupted code shall go on with *regs. */
typedef bool (*trap_hook_t)(struct cpu_regs *regs);

/* What the builder left in the registers: rax rsi rsp rflags cs ss ds es fs gs. */
extern uint64_t boot_regs[10];
/* ds, es, fs, gs of the last failsafe frame. */
extern uint64_t failsafe_selectors[4];
extern char trap_stubs[], upcall_entry[], syscall_entry[], syscall32_entry[], sysenter_entry[],
    failsafe_entry[];

/* (Re-)registers the whole trap table, all callbacks and kernel stack of this vCPU, and drops all hooks. */
void trap_install(void);
void trap_drop_hooks(void); /* for trap_install() */
/* Lets the end of the entry continue at a kernel address with a kernel stack. */
void trap_resume_at(struct cpu_regs *regs, const char *rip, uint64_t rsp, uint64_t rax);
/* Entry point of a vector, for tests that fill trap tables of their own. */
uint64_t trap_stub(unsigned int vector);
/* The table that trap_install() registers: all 256 vectors, DPL 0 except int3, into and 0x80..0x8f (3). */
const struct trap_info *trap_default_table(void);
/* Installs (or with NULL removes) the test's handler of a vector or pseudo vector. */
void trap_hook(unsigned int vector, trap_hook_t hook);

/* Runs fn(arg). NULL if it returned, else the record of the trap that ended it (valid until the next one). */
const struct trap_record *trap_catch(void (*fn)(void *), void *arg);
/* Vector that fn(arg) raises, or -1. */
int trap_vector_of(void (*fn)(void *), void *arg);

/* Runs fn(arg) in guest user mode on a stack of its own, with the kernel's page tables. */
long user_call(long (*fn)(uint64_t), uint64_t arg);
/* The same when user code may trap: NULL if it returned (result in *ret), else the trap's record. */
const struct trap_record *user_catch(long (*fn)(uint64_t), uint64_t arg, long *ret);

/* Called by entry.S. */
void trap_entry(struct cpu_regs *regs);

#endif
