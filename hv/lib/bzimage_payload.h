/* SPDX-License-Identifier: MIT */
/* Where Linux's bzImage (boot protocol 2.08 and later) keeps its kernel: an ELF file, compressed, behind a
 * real-mode header. Untrusted, as every kernel. */
#ifndef HV_LIB_BZIMAGE_PAYLOAD_H
#define HV_LIB_BZIMAGE_PAYLOAD_H

#include "hv/lib/types.h"

struct bzimage_payload {
    const uint8_t *data; /* NULL when the file is no bzImage */
    size_t size;
    size_t unpacked; /* the size of the kernel in it, as it says: up to BZIMAGE_MAX_UNPACKED */
};

#define BZIMAGE_MAX_UNPACKED MIB(512)

/* Find it. NULL, or a sentence that says why the bzImage cannot be used. */
const char *bzimage_find_payload(const void *kernel, size_t size, struct bzimage_payload *out);

#endif
