/* SPDX-License-Identifier: MIT */
/*
 * set_segment_base (arch-x86/xen-x86_64.h SEGBASE_*). Hypercalls come from guest-kernel mode, so the kernel's
 * GS base is in MSR_GS_BASE and the user's in MSR_KERNEL_GS_BASE.
 */
#include "hv/cpu/insn.h"
#include "hv/cpu/msr_index.h"
#include "hv/cpu/trap.h"
#include "hv/pv/pv.h"
#include "hypercalls/hypercall.h"

/*
 * Load GS for user mode: under swapgs, so that the descriptor's base becomes the user's. Never fails: a bad
 * selector is loaded NUL. AMD keeps the base on a NUL load, so it is cleared first.
 */
static void load_user_gs(uint16_t sel)
{
    __asm__ volatile("swapgs\n\t"
                     "1: movw %0, %%gs\n"
                     "2: swapgs\n\t"
                     ".pushsection .text.fixup, \"ax\"\n"
                     "3: movw %1, %%gs\n\t"
                     "jmp 2b\n\t"
                     ".popsection\n\t" EX_TABLE(1b, 3b)
                     :
                     : "r"(sel), "r"((uint16_t)0)
                     : "memory");
}

static int64_t set_user_gs_selector(uint16_t sel)
{
    if (sel & ~3)
        sel |= 3;
    else
        wrmsr(MSR_KERNEL_GS_BASE, 0);
    load_user_gs(sel);
    return 0;
}

/* arg: SEGBASE_*, base or selector. 0, -EINVAL (not canonical, no such register). */
int64_t do_set_segment_base(uint64_t arg[6])
{
    uint32_t which = (uint32_t)arg[0];
    uint64_t base = arg[1];

    if (which == SEGBASE_GS_USER_SEL)
        return set_user_gs_selector((uint16_t)base);
    if (!is_canonical(base))
        return -EINVAL;
    switch (which) {
    case SEGBASE_FS:
        wrmsr(MSR_FS_BASE, base);
        return 0;
    case SEGBASE_GS_USER:
        wrmsr(MSR_KERNEL_GS_BASE, base);
        return 0;
    case SEGBASE_GS_KERNEL:
        wrmsr(MSR_GS_BASE, base);
        return 0;
    default:
        return -EINVAL;
    }
}
