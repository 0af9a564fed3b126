/* SPDX-License-Identifier: MIT */
/*
 * The header's fields are those of Linux's Documentation/arch/x86/boot.rst. The payload ends in four bytes
 * that Linux's build appends: the unpacked size.
 */
#include "hv/lib/bzimage_payload.h"
#include "hv/lib/string.h"

#define SETUP_SECTS    0x1f1
#define HEADER_MAGIC   0x202
#define VERSION        0x206
#define PAYLOAD_OFFSET 0x248
#define PAYLOAD_LENGTH 0x24c
#define HEADER_END     0x250
#define MIN_VERSION    0x0208
#define MIN_PAYLOAD    16
#define TRAILER        4

static uint32_t read32(const uint8_t *p)
{
    return p[0] | p[1] << 8 | p[2] << 16 | (uint32_t)p[3] << 24;
}

const char *bzimage_find_payload(const void *kernel, size_t size, struct bzimage_payload *out)
{
    const uint8_t *k = kernel;
    uint64_t start, length;

    *out = (struct bzimage_payload){ 0 };
    if (size < HEADER_END || memcmp(k + HEADER_MAGIC, "HdrS", 4) != 0)
        return NULL;
    if ((k[VERSION] | k[VERSION + 1] << 8) < MIN_VERSION)
        return "its bzImage is of a boot protocol before 2.08, which has no payload fields";
    start = ((uint64_t)(k[SETUP_SECTS] ? k[SETUP_SECTS] : 4) + 1) * 512 + read32(k + PAYLOAD_OFFSET);
    length = read32(k + PAYLOAD_LENGTH);
    if (length < MIN_PAYLOAD || start > size || length > size - start)
        return "its bzImage's payload lies outside of the file";
    out->unpacked = read32(k + start + length - TRAILER);
    if (out->unpacked == 0 || out->unpacked > BZIMAGE_MAX_UNPACKED)
        return "its bzImage claims an impossible unpacked size";
    out->data = k + start;
    out->size = length - TRAILER;
    return NULL;
}
