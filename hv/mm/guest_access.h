/* SPDX-License-Identifier: MIT */
/*
 * The one checked way into guest virtual memory. Of a PV guest: copies run on the guest's own page tables
 * (the current vCPU's kernel tables), refuse the hypervisor's range and non-canonical addresses, and survive
 * page faults through the exception table. A hardware guest's tables are not the CPU's while the hypervisor
 * runs (cpu_info.indirect): its memory is reached through guest_memory_ops.
 */
#ifndef HV_MM_GUEST_ACCESS_H
#define HV_MM_GUEST_ACCESS_H

#include "hv/cpu/current.h"
#include "hv/cpu/smap.h"
#include "hv/cpu/trap.h"
#include "hv/lib/errno.h"
#include "hv/mm/layout.h"
#include "hv/mm/mfn.h"

struct guest_memory_ops {
    int (*copy)(void *buf, gva_t at, size_t bytes, bool to_guest); /* 0, -EFAULT; current vCPU */
};
extern const struct guest_memory_ops *guest_memory_ops; /* set at boot, when there can be hardware guests */

/*
 * True when [a, a+bytes) lies wholly in a guest's part of the address space: below the canonical hole, or at
 * or above HV_VIRT_END, where kernels keep what they hand over. The range may be empty. A hardware guest has
 * the whole address space.
 */
static __always_inline bool guest_range_ok(gva_t a, uint64_t bytes)
{
    return bytes <= CANONICAL_LOW_END && (likely(a.va - HV_VIRT_END <= 0 - HV_VIRT_END - bytes) ||
                                          a.va <= CANONICAL_LOW_END - bytes || cpu_info()->indirect);
}

/*
 * copy_from_guest and copy_to_guest: 0, or -EFAULT when any byte is not accessible (a part may have been
 * copied). Small constant sizes are copied in place, the others by the functions.
 */
int __must_check copy_from_guest_any(void *dst, gva_t src, size_t bytes);
int __must_check copy_to_guest_any(gva_t dst, const void *src, size_t bytes);
int __must_check clear_guest(gva_t dst, size_t bytes);

/* One load or store that may fault, inside a stac/clac window; the fault sets `bad` and goes on behind it.
 * What a faulting load leaves in `var` is undefined: the caller looks at `bad` before it uses any of it. */
#define GUEST_FIXUP                      \
    "\n2:\n\t"                           \
    ".pushsection .text.fixup, \"ax\"\n" \
    "3: mov $1, %k0\n\t"                 \
    "jmp 2b\n\t"                         \
    ".popsection\n\t" EX_TABLE(1b, 3b)
#define GUEST_LOAD(width, bad, var, ptr) \
    __asm__ volatile("1: mov" width " %2, %1" GUEST_FIXUP : "+r"(bad), "=r"(var) : "m"(*(ptr)))
#define GUEST_STORE(width, bad, ptr, value) \
    __asm__ volatile("1: mov" width " %2, %1" GUEST_FIXUP : "+r"(bad), "=m"(*(ptr)) : "r"(value))

/* Sizes that are copied without a loop. */
#define GUEST_COPY_SMALL(bytes) (__builtin_constant_p(bytes) && (bytes) <= 40 && (bytes) % 2 == 0)

#define READ_QUAD(i)                                     \
    do {                                                 \
        uint64_t rq_v;                                   \
        GUEST_LOAD("q", bad, rq_v, (uint64_t *)src + i); \
        ((uint64_t *)dst)[i] = rq_v;                     \
    } while (0)
#define WRITE_QUAD(i) GUEST_STORE("q", bad, (uint64_t *)dst + i, ((const uint64_t *)src)[i])

static __always_inline int read_small(void *dst, uint64_t src, size_t bytes)
{
    uint32_t bad = 0, last;
    uint16_t half;

    __asm__ volatile(ASM_STAC ::: "memory");
    if (bytes >= 8)
        READ_QUAD(0);
    if (bytes >= 16)
        READ_QUAD(1);
    if (bytes >= 24)
        READ_QUAD(2);
    if (bytes >= 32)
        READ_QUAD(3);
    if (bytes >= 40)
        READ_QUAD(4);
    if (bytes & 4) {
        GUEST_LOAD("l", bad, last, (uint32_t *)src + bytes / 4 - 1);
        ((uint32_t *)dst)[bytes / 4 - 1] = last;
    }
    if (bytes & 2) {
        GUEST_LOAD("w", bad, half, (uint16_t *)src + bytes / 2 - 1);
        ((uint16_t *)dst)[bytes / 2 - 1] = half;
    }
    __asm__ volatile(ASM_CLAC ::: "memory");
    return unlikely(bad) ? -EFAULT : 0;
}

static __always_inline int write_small(uint64_t dst, const void *src, size_t bytes)
{
    uint32_t bad = 0;

    __asm__ volatile(ASM_STAC ::: "memory");
    if (bytes >= 8)
        WRITE_QUAD(0);
    if (bytes >= 16)
        WRITE_QUAD(1);
    if (bytes >= 24)
        WRITE_QUAD(2);
    if (bytes >= 32)
        WRITE_QUAD(3);
    if (bytes >= 40)
        WRITE_QUAD(4);
    if (bytes & 4)
        GUEST_STORE("l", bad, (uint32_t *)dst + bytes / 4 - 1, ((const uint32_t *)src)[bytes / 4 - 1]);
    if (bytes & 2)
        GUEST_STORE("w", bad, (uint16_t *)dst + bytes / 2 - 1, ((const uint16_t *)src)[bytes / 2 - 1]);
    __asm__ volatile(ASM_CLAC ::: "memory");
    return unlikely(bad) ? -EFAULT : 0;
}

/* read_small and write_small for any kind of guest; the range was checked. */
static __always_inline int read_in_range(void *dst, uint64_t src, size_t bytes)
{
    if (unlikely(cpu_info()->indirect))
        return guest_memory_ops->copy(dst, gva(src), bytes, false);
    return read_small(dst, src, bytes);
}

static __always_inline int write_in_range(uint64_t dst, const void *src, size_t bytes)
{
    if (unlikely(cpu_info()->indirect))
        return guest_memory_ops->copy((void *)(uintptr_t)src, gva(dst), bytes, true);
    return write_small(dst, src, bytes);
}

static __always_inline int __must_check copy_from_guest(void *dst, gva_t src, size_t bytes)
{
    if (!GUEST_COPY_SMALL(bytes))
        return copy_from_guest_any(dst, src, bytes);
    return likely(guest_range_ok(src, bytes)) ? read_in_range(dst, src.va, bytes) : -EFAULT;
}

static __always_inline int __must_check copy_to_guest(gva_t dst, const void *src, size_t bytes)
{
    if (!GUEST_COPY_SMALL(bytes))
        return copy_to_guest_any(dst, src, bytes);
    return likely(guest_range_ok(dst, bytes)) ? write_in_range(dst.va, src, bytes) : -EFAULT;
}

/* Typed forms: read_guest(&op, arg) copies sizeof(op) bytes; the indexed ones address element i of a guest
 * array. */
#define read_guest(obj, src)  copy_from_guest(obj, src, sizeof(*(obj)))
#define write_guest(dst, obj) copy_to_guest(dst, obj, sizeof(*(obj)))
#define read_guest_elem(obj, src, i) \
    copy_from_guest(obj, gva_add(src, (uint64_t)(i) * sizeof(*(obj))), sizeof(*(obj)))
#define write_guest_elem(dst, i, obj) \
    copy_to_guest(gva_add(dst, (uint64_t)(i) * sizeof(*(obj))), obj, sizeof(*(obj)))
/* read_guest_elem from an array whose whole range was checked, for calls that only PV guests make. Small
 * structures only. */
#define read_checked_elem(obj, src, i) \
    read_small(obj, (src).va + (uint64_t)(i) * sizeof(*(obj)), sizeof(*(obj)))
/* Write one field of the guest structure `type` at dst. */
#define write_guest_field(dst, type, field, value)                                 \
    ({                                                                             \
        __typeof__(((type *)0)->field) wgf_v = (value);                            \
        copy_to_guest(gva_add(dst, offsetof(type, field)), &wgf_v, sizeof(wgf_v)); \
    })

/* For the hypervisor's own probing of memory that may fault (backtraces): 0 or -EFAULT. */
int __must_check copy_from_hv_nofault(void *dst, const void *src, size_t bytes);

#endif
