/* SPDX-License-Identifier: MIT */
/* Decompressors of kernels. Each unpacks size bytes at `in` to exactly out_size bytes at `out`: NULL, or a
 * sentence that says why it could not. */
#ifndef HV_BOOT_UNPACK_H
#define HV_BOOT_UNPACK_H

#include "hv/lib/types.h"

/* A stream of xz, with what Linux uses of it: LZMA2, the x86 filter, CRC32. */
const char *unpack_xz(const uint8_t *in, size_t size, void *out, size_t out_size);

/* LZ4's legacy frame, without the end mark. */
const char *unpack_lz4(const uint8_t *in, size_t size, void *out, size_t out_size);

/* Whether these bytes begin such a stream. */
bool unpack_is_xz(const uint8_t *in, size_t size);
bool unpack_is_lz4(const uint8_t *in, size_t size);

#endif
