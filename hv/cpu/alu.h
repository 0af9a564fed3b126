/* SPDX-License-Identifier: MIT */
/* What arithmetic and logic instructions make of their operands and flags (SDM Vol. 1 §3.4.3.1, Vol. 2). */
#ifndef HV_CPU_ALU_H
#define HV_CPU_ALU_H

#include "hv/cpu/regs.h"

#define ALU_FLAGS \
    (X86_EFLAGS_CF | X86_EFLAGS_PF | X86_EFLAGS_AF | X86_EFLAGS_ZF | X86_EFLAGS_SF | X86_EFLAGS_OF)

/* All bits of an operand of `size` bytes. */
static inline uint64_t alu_mask(unsigned int size)
{
    return size == 8 ? ~0ULL : BIT(size * 8) - 1;
}

/* ZF, SF and PF of a result; all flags of AND, OR, XOR and TEST. */
static inline uint64_t alu_result_flags(uint64_t value, unsigned int size)
{
    uint64_t flags = 0;

    if (!value)
        flags |= X86_EFLAGS_ZF;
    if (value >> (size * 8 - 1))
        flags |= X86_EFLAGS_SF;
    if (!(__builtin_popcountll(value & 0xff) & 1))
        flags |= X86_EFLAGS_PF;
    return flags;
}

/* Flags of a + b, and of a - b; all three values are masked to the size. */
static inline uint64_t alu_add_flags(uint64_t a, uint64_t b, uint64_t sum, unsigned int size)
{
    uint64_t flags = alu_result_flags(sum, size);

    if (sum < a)
        flags |= X86_EFLAGS_CF;
    if (((a ^ sum) & (b ^ sum)) >> (size * 8 - 1))
        flags |= X86_EFLAGS_OF;
    return flags | ((a ^ b ^ sum) & X86_EFLAGS_AF);
}

static inline uint64_t alu_sub_flags(uint64_t a, uint64_t b, uint64_t difference, unsigned int size)
{
    uint64_t flags = alu_result_flags(difference, size);

    if (a < b)
        flags |= X86_EFLAGS_CF;
    if (((a ^ b) & (a ^ difference)) >> (size * 8 - 1))
        flags |= X86_EFLAGS_OF;
    return flags | ((a ^ b ^ difference) & X86_EFLAGS_AF);
}

#endif
