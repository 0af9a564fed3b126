/* SPDX-License-Identifier: MIT */
/*
 * The register frame that every entry into the hypervisor leaves at the top of the CPU's stack
 * (hv/cpu/entry.S). rdi..r9 stand in the order of the hypercall ABI, so that arg[] of the frame is the
 * hypercall's argument vector.
 */
#ifndef HV_CPU_REGS_H
#define HV_CPU_REGS_H

#include "hv/lib/types.h"

struct regs {
    uint64_t r15, r14, r13, r12, rbp, rbx;
    uint64_t r11, rcx;
    union {
        struct {
            uint64_t rdi, rsi, rdx, r10, r8, r9;
        };
        uint64_t arg[6];
    };
    uint64_t rax;
    uint32_t error_code;
    uint32_t vector; /* exception or interrupt vector, or REGS_* */
    uint64_t rip;
    uint16_t cs, pad_cs[3];
    uint64_t rflags;
    uint64_t rsp;
    uint16_t ss, pad_ss[3];
};

/*
 * REGS_SYSCALL: entered by the syscall instruction and the return may use sysret: cs, ss are the flat 64-bit
 * guest selectors and rcx, r11 are dead. Whoever points the frame elsewhere (a bounce, iret) sets vector to
 * 0, and the return uses iret.
 */
#define REGS_SYSCALL   0x100
#define REGS_SYSENTER  0x101
#define REGS_SYSCALL32 0x102

#define X86_EFLAGS_CF   BIT(0)
#define X86_EFLAGS_MBS  BIT(1)
#define X86_EFLAGS_PF   BIT(2)
#define X86_EFLAGS_AF   BIT(4)
#define X86_EFLAGS_ZF   BIT(6)
#define X86_EFLAGS_SF   BIT(7)
#define X86_EFLAGS_TF   BIT(8)
#define X86_EFLAGS_IF   BIT(9)
#define X86_EFLAGS_DF   BIT(10)
#define X86_EFLAGS_OF   BIT(11)
#define X86_EFLAGS_IOPL (BIT(12) | BIT(13))
#define X86_EFLAGS_NT   BIT(14)
#define X86_EFLAGS_RF   BIT(16)
#define X86_EFLAGS_VM   BIT(17)
#define X86_EFLAGS_AC   BIT(18)
#define X86_EFLAGS_VIF  BIT(19)
#define X86_EFLAGS_VIP  BIT(20)
#define X86_EFLAGS_ID   BIT(21)

/* Not in the flags of a PV guest: IOPL and VM, which take ring 0, and NT, which none uses. */
#define X86_EFLAGS_IMPOSSIBLE (X86_EFLAGS_IOPL | X86_EFLAGS_NT | X86_EFLAGS_VM)
#define X86_EFLAGS_STATUS \
    (X86_EFLAGS_CF | X86_EFLAGS_PF | X86_EFLAGS_AF | X86_EFLAGS_ZF | X86_EFLAGS_SF | X86_EFLAGS_OF)
#define X86_EFLAGS_ODD (X86_EFLAGS_TF | X86_EFLAGS_IMPOSSIBLE)

enum trap_vector {
    TRAP_DE = 0,
    TRAP_DB = 1,
    TRAP_NMI = 2,
    TRAP_BP = 3,
    TRAP_OF = 4,
    TRAP_BR = 5,
    TRAP_UD = 6,
    TRAP_NM = 7,
    TRAP_DF = 8,
    TRAP_TS = 10,
    TRAP_NP = 11,
    TRAP_SS = 12,
    TRAP_GP = 13,
    TRAP_PF = 14,
    TRAP_MF = 16,
    TRAP_AC = 17,
    TRAP_MC = 18,
    TRAP_XM = 19,
};

/* Page-fault error code bits (SDM Vol. 3 §4.7). */
#define PFEC_PRESENT  BIT(0)
#define PFEC_WRITE    BIT(1)
#define PFEC_USER     BIT(2)
#define PFEC_RESERVED BIT(3)
#define PFEC_INSN     BIT(4)

/* True when the frame was left by a guest (PV guests run in ring 3, kernel and user alike). */
static inline bool regs_from_guest(const struct regs *r)
{
    return r->cs & 3;
}

#endif
