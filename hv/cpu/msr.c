/* SPDX-License-Identifier: MIT */
/* MSR accesses that may fault. */
#include "hv/cpu/insn.h"
#include "hv/cpu/trap.h"

bool rdmsr_safe(uint32_t msr, uint64_t *value)
{
    uint32_t lo, hi, failed = 0;

    __asm__ volatile("1: rdmsr\n"
                     "2:\n\t"
                     ".pushsection .text.fixup, \"ax\"\n"
                     "3: mov $1, %2\n\t"
                     "xor %%eax, %%eax\n\t"
                     "xor %%edx, %%edx\n\t"
                     "jmp 2b\n\t"
                     ".popsection\n\t" EX_TABLE(1b, 3b)
                     : "=a"(lo), "=d"(hi), "+r"(failed)
                     : "c"(msr));
    *value = (uint64_t)hi << 32 | lo;
    return !failed;
}

bool wrmsr_safe(uint32_t msr, uint64_t value)
{
    __asm__ goto("1: wrmsr\n\t" EX_TABLE_TO(1b, "%l[fault]")::"c"(msr), "a"((uint32_t)value),
                 "d"((uint32_t)(value >> 32))
                 : "memory"
                 : fault);
    return true;
fault:
    return false;
}
