/* SPDX-License-Identifier: MIT */
/*
 * Copies between the hypervisor and guest memory. The moves run inside a stac/clac window (free without
 * SMAP), and each instruction that may fault has an exception-table entry that leaves the block with the
 * count of what is missing in rcx.
 */
#include "hv/mm/guest_access.h"
#include "hv/cpu/smap.h"
#include "hv/cpu/trap.h"
#include "hv/lib/errno.h"
#include "hv/mm/layout.h"

/* Copy quads * 8 + rest bytes; false when a fault cut it short. */
static __always_inline bool copy_may_fault(void *dst, const void *src, size_t bytes)
{
    size_t left = bytes / 8;

    __asm__ volatile(ASM_STAC "1: rep movsq\n\t"
                              "mov %[rest], %%ecx\n\t"
                              "jrcxz 3f\n\t"
                              "2: rep movsb\n\t"
                              "3: " ASM_CLAC EX_TABLE(1b, 3b) EX_TABLE(2b, 3b)
                     : "+c"(left), "+D"(dst), "+S"(src)
                     : [rest] "r"((uint32_t)(bytes % 8))
                     : "memory");
    return left == 0;
}

const struct guest_memory_ops *guest_memory_ops __ro_after_init;

int copy_from_guest_any(void *dst, gva_t src, size_t bytes)
{
    if (!guest_range_ok(src, bytes))
        return -EFAULT;
    if (cpu_info()->indirect)
        return guest_memory_ops->copy(dst, src, bytes, false);
    return copy_may_fault(dst, (const void *)src.va, bytes) ? 0 : -EFAULT;
}

int copy_to_guest_any(gva_t dst, const void *src, size_t bytes)
{
    if (!guest_range_ok(dst, bytes))
        return -EFAULT;
    if (cpu_info()->indirect)
        return guest_memory_ops->copy((void *)(uintptr_t)src, dst, bytes, true);
    return copy_may_fault((void *)dst.va, src, bytes) ? 0 : -EFAULT;
}

static int clear_indirect(gva_t dst, size_t bytes)
{
    static const char zeros[256];

    for (size_t done = 0; done < bytes; done += sizeof(zeros))
        if (copy_to_guest_any(gva_add(dst, done), zeros, min(bytes - done, sizeof(zeros))))
            return -EFAULT;
    return 0;
}

int clear_guest(gva_t dst, size_t bytes)
{
    size_t left = bytes;
    void *to = (void *)dst.va;

    if (!guest_range_ok(dst, bytes))
        return -EFAULT;
    if (cpu_info()->indirect)
        return clear_indirect(dst, bytes);
    __asm__ volatile(ASM_STAC "1: rep stosb\n\t"
                              "2: " ASM_CLAC EX_TABLE(1b, 2b)
                     : "+c"(left), "+D"(to)
                     : "a"(0)
                     : "memory");
    return left == 0 ? 0 : -EFAULT;
}

int copy_from_hv_nofault(void *dst, const void *src, size_t bytes)
{
    return copy_may_fault(dst, src, bytes) ? 0 : -EFAULT;
}
