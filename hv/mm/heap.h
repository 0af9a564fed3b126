/* SPDX-License-Identifier: MIT */
/* Small-object heap of the hypervisor (size classes on pages of the frame allocator). */
#ifndef HV_MM_HEAP_H
#define HV_MM_HEAP_H

#include "hv/lib/types.h"

/* Zeroed memory aligned to 16 bytes (64 above 384), or NULL. Larger requests than a page take whole pages.
 * Lock: LOCK_HEAP. */
void *hv_zalloc(size_t bytes);
void *hv_zalloc_array(size_t n, size_t bytes); /* NULL also when n * bytes overflows */
void hv_free(void *p);                         /* NULL is allowed */

#endif
