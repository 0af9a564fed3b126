/* SPDX-License-Identifier: MIT */
/*
 * Single words of guest memory for the hottest paths (bounce frames, iret, instruction fetch): one
 * instruction each, with the fault handled out of line. The caller checks the range once with pv_stack_ok()
 * and brackets the accesses with pv_access_begin() and pv_access_end(); what handles a fault must end the
 * bracket too.
 */
#ifndef HV_PV_GUEST_STACK_H
#define HV_PV_GUEST_STACK_H

#include "hv/cpu/smap.h"
#include "hv/cpu/trap.h"
#include "hv/mm/layout.h"

/*
 * `va` is not in the hypervisor's range. Accesses that begin just below it fault, because what is below is
 * not canonical: whoever writes, writes the lowest address first.
 */
static __always_inline bool pv_stack_ok(uint64_t va)
{
    _Static_assert(HV_VIRT_START >> 43 == 0x1ffff0 && HV_VIRT_END >> 43 == 0x1ffff1,
                   "one value of the top 21 bits");
    return va >> 43 != HV_VIRT_START >> 43;
}

static __always_inline void pv_access_begin(void)
{
    __asm__ volatile(ASM_STAC ::: "memory");
}

static __always_inline void pv_access_end(void)
{
    __asm__ volatile(ASM_CLAC ::: "memory");
}

/* In an asm goto: a fault at label 1 jumps to the C label `fault`. */
#define EX_GOTO_FAULT EX_TABLE_TO(1b, "%l[fault]")

/* Jumps to the label `fault`. */
#define guest_put(ptr, value) \
    __asm__ goto("1: movq %1, %0\n\t" EX_GOTO_FAULT ::"m"(*(ptr)), "r"((uint64_t)(value)) : "memory" : fault)

/* Reads cannot jump (gcc 12 fails on asm goto with outputs here): a fault sets `bad` and reads 0. */
#define guest_get(var, ptr, bad)                          \
    __asm__ volatile("1: movq %2, %0\n"                   \
                     "2:\n\t"                             \
                     ".pushsection .text.fixup, \"ax\"\n" \
                     "3: mov $1, %1\n\t"                  \
                     "xor %k0, %k0\n\t"                   \
                     "jmp 2b\n\t"                         \
                     ".popsection\n\t" EX_TABLE(1b, 3b)   \
                     : "=&r"(var), "+r"(bad)              \
                     : "m"(*(ptr)))

#endif
