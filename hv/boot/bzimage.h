/* SPDX-License-Identifier: MIT */
/* Linux's bzImage (boot protocol 2.08 and later): an ELF kernel, compressed, behind a real-mode header. */
#ifndef HV_BOOT_BZIMAGE_H
#define HV_BOOT_BZIMAGE_H

#include "hv/lib/types.h"

struct bzimage {
    void *elf; /* the unpacked kernel; NULL when `kernel` was no bzImage and is used as it is */
    size_t size;
    unsigned int order; /* of its pages */
};

/*
 * Unpack `kernel` if it is a bzImage with an xz or LZ4 payload (what Debian's kernels have). NULL, or a
 * sentence that says why it cannot be unpacked, with nothing allocated. Boot only.
 */
const char *bzimage_unpack(const void *kernel, size_t size, struct bzimage *out);
void bzimage_free(struct bzimage *b);

#endif
