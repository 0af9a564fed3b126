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

/* Frames and fetches are smaller than this. */
#define PV_STACK_SPAN 128

/* [va, va + PV_STACK_SPAN) keeps clear of the hypervisor's range; non-canonical addresses fault by
 * themselves. */
static __always_inline bool pv_stack_ok(uint64_t va)
{
    return va + PV_STACK_SPAN - HV_VIRT_START >= HV_VIRT_END - HV_VIRT_START + PV_STACK_SPAN;
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
