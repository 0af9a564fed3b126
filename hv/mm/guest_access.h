/* SPDX-License-Identifier: MIT */
/*
 * The one checked way into guest virtual memory. Copies run on the guest's own page tables (the current
 * vCPU's kernel tables), refuse the hypervisor's range and non-canonical addresses, and survive page faults
 * through the exception table.
 */
#ifndef HV_MM_GUEST_ACCESS_H
#define HV_MM_GUEST_ACCESS_H

#include "hv/mm/mfn.h"

/*
 * True when [a, a+bytes) lies wholly in a guest's part of the address space: below the canonical hole, or at
 * or above HV_VIRT_END. The range may be empty.
 */
bool guest_range_ok(gva_t a, uint64_t bytes);

/* Copy; 0, or -EFAULT when any byte is not accessible (a prefix may have been copied). */
int __must_check copy_from_guest(void *dst, gva_t src, size_t bytes);
int __must_check copy_to_guest(gva_t dst, const void *src, size_t bytes);
int __must_check clear_guest(gva_t dst, size_t bytes);

/* One 8-byte word; as above, and cheaper. */
int __must_check load_guest_u64(uint64_t *v, gva_t src);
int __must_check store_guest_u64(gva_t dst, uint64_t v);

/* Typed forms: read_guest(&op, arg) copies sizeof(op) bytes; the indexed ones address element i of a guest
 * array. */
#define read_guest(obj, src)  copy_from_guest(obj, src, sizeof(*(obj)))
#define write_guest(dst, obj) copy_to_guest(dst, obj, sizeof(*(obj)))
#define read_guest_elem(obj, src, i) \
    copy_from_guest(obj, gva_add(src, (uint64_t)(i) * sizeof(*(obj))), sizeof(*(obj)))
#define write_guest_elem(dst, i, obj) \
    copy_to_guest(gva_add(dst, (uint64_t)(i) * sizeof(*(obj))), obj, sizeof(*(obj)))
/* Write one field of the guest structure `type` at dst. */
#define write_guest_field(dst, type, field, value)                                 \
    ({                                                                             \
        __typeof__(((type *)0)->field) wgf_v = (value);                            \
        copy_to_guest(gva_add(dst, offsetof(type, field)), &wgf_v, sizeof(wgf_v)); \
    })

/* For the hypervisor's own probing of memory that may fault (backtraces): 0 or -EFAULT. */
int __must_check copy_from_hv_nofault(void *dst, const void *src, size_t bytes);

#endif
