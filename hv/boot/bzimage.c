/* SPDX-License-Identifier: MIT */
/*
 * The header's fields are those of Linux's Documentation/arch/x86/boot.rst. The payload ends in four bytes
 * that Linux's build appends: the unpacked size.
 */
#include "hv/boot/bzimage.h"
#include "hv/lib/bug.h"
#include "hv/lib/string.h"
#include "hv/mm/frame.h"
#include "hv/mm/heap.h"
#include <lz4.h>
#include <lzma.h>

#define SETUP_SECTS    0x1f1
#define HEADER_MAGIC   0x202
#define VERSION        0x206
#define PAYLOAD_OFFSET 0x248
#define PAYLOAD_LENGTH 0x24c
#define HEADER_END     0x250
#define MIN_VERSION    0x0208
#define MAX_UNPACKED   MIB(512)
#define LZ4_MAGIC_SIZE 4
#define LZ4_CHUNK      MIB(8) /* the legacy frame's blocks unpack to at most this */

/* What liblzma calls in place of malloc, calloc and free (setup/decompress.mk). Sizes stand in front of the
 * memory. */
void *decompress_malloc(size_t bytes);
void *decompress_calloc(size_t n, size_t bytes);
void decompress_free(void *p);

static unsigned int order_of(uint64_t bytes)
{
    unsigned int order = 0;

    while ((PAGE_SIZE << order) < bytes)
        order++;
    return order;
}

void *decompress_malloc(size_t bytes)
{
    unsigned int order = order_of(bytes + 16);
    unsigned int *p = hv_alloc_pages(order, 0);

    if (!p)
        return NULL;
    *p = order;
    return (char *)p + 16;
}

void *decompress_calloc(size_t n, size_t bytes)
{
    void *p = decompress_malloc(n * bytes);

    return p ? memset(p, 0, n * bytes) : NULL;
}

void decompress_free(void *p)
{
    unsigned int *start = p ? (void *)((char *)p - 16) : NULL;

    if (start)
        hv_free_pages(start, *start);
}

static uint32_t read32(const uint8_t *p)
{
    return p[0] | p[1] << 8 | p[2] << 16 | (uint32_t)p[3] << 24;
}

static const char *__init unpack_lz4(const uint8_t *in, size_t size, struct bzimage *out)
{
    size_t at = LZ4_MAGIC_SIZE, done = 0;

    while (at + 4 <= size && done < out->size) {
        uint32_t packed = read32(in + at);
        int n;

        at += 4;
        if (packed > size - at)
            return "its LZ4 payload is cut off";
        n = LZ4_decompress_safe((const char *)in + at, (char *)out->elf + done, (int)packed,
                                (int)min((uint64_t)LZ4_CHUNK, (uint64_t)(out->size - done)));
        if (n < 0)
            return "its LZ4 payload is damaged";
        done += (size_t)n;
        at += packed;
    }
    return done == out->size ? NULL : "its LZ4 payload is shorter than it says";
}

static const char *__init unpack_xz(const uint8_t *in, size_t size, struct bzimage *out)
{
    size_t in_pos = 0, out_pos = 0;
    uint64_t memlimit = MIB(256);

    switch (lzma_stream_buffer_decode(&memlimit, 0, NULL, in, &in_pos, size, out->elf, &out_pos, out->size)) {
    case LZMA_OK:
        return out_pos == out->size ? NULL : "its xz payload is shorter than it says";
    case LZMA_MEM_ERROR:
    case LZMA_MEMLIMIT_ERROR:
        return "there is not enough memory to unpack its xz payload";
    case LZMA_OPTIONS_ERROR:
        return "its xz payload uses a filter that Ryokan does not know";
    default:
        return "its xz payload is damaged";
    }
}

static const char *__init unpack(const uint8_t *payload, size_t size, struct bzimage *out)
{
    static const uint8_t xz_magic[] = { 0xfd, '7', 'z', 'X', 'Z', 0 },
                         lz4_magic[] = { 0x02, 0x21, 0x4c, 0x18 };

    if (size > 10 && !memcmp(payload, xz_magic, sizeof(xz_magic)))
        return unpack_xz(payload, size - 4, out);
    if (size > 10 && !memcmp(payload, lz4_magic, sizeof(lz4_magic)))
        return unpack_lz4(payload, size - 4, out);
    return "its bzImage is packed by something else than xz or LZ4: unpack it first";
}

const char *__init bzimage_unpack(const void *kernel, size_t size, struct bzimage *out)
{
    const uint8_t *k = kernel;
    uint64_t start, length;
    const char *bad;

    *out = (struct bzimage){ 0 };
    if (size < HEADER_END || memcmp(k + HEADER_MAGIC, "HdrS", 4))
        return NULL;
    if ((k[VERSION] | k[VERSION + 1] << 8) < MIN_VERSION)
        return "its bzImage is of a boot protocol before 2.08, which has no payload fields";
    start = ((uint64_t)(k[SETUP_SECTS] ? k[SETUP_SECTS] : 4) + 1) * 512 + read32(k + PAYLOAD_OFFSET);
    length = read32(k + PAYLOAD_LENGTH);
    if (length < 16 || start > size || length > size - start)
        return "its bzImage's payload lies outside of the file";
    out->size = read32(k + start + length - 4);
    if (!out->size || out->size > MAX_UNPACKED)
        return "its bzImage claims an impossible unpacked size";
    out->order = order_of(out->size);
    out->elf = hv_alloc_pages(out->order, 0);
    if (!out->elf)
        return "there is no contiguous memory to unpack its bzImage";
    bad = unpack(k + start, length, out);
    if (bad)
        bzimage_free(out);
    return bad;
}

void bzimage_free(struct bzimage *b)
{
    if (b->elf)
        hv_free_pages(b->elf, b->order);
    b->elf = NULL;
}
