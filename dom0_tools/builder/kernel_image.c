/* SPDX-License-Identifier: MIT */
#include "dom0_tools/builder/kernel_image.h"
#include "hv/boot/unpack.h"
#include "hv/lib/bzimage_payload.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

/* zlib: the largest window, and a gzip header in front. */
#define GZIP_WINDOW (15 + 16)

/* gzip ends in the unpacked size, 4 bytes. */
#define GZIP_MIN 18

static bool is_gzip(const uint8_t *in, size_t size)
{
    return size >= GZIP_MIN && in[0] == 0x1f && in[1] == 0x8b;
}

static const char *unpack_gzip(const uint8_t *in, size_t size, void *out, size_t out_size)
{
    z_stream stream = { .avail_in = (uInt)size, .next_out = out, .avail_out = (uInt)out_size };
    int result;

    stream.next_in = (z_const Bytef *)(uintptr_t)in;
    if (inflateInit2(&stream, GZIP_WINDOW) != Z_OK)
        return "there is not enough memory to unpack its gzip payload";
    result = inflate(&stream, Z_FINISH);
    inflateEnd(&stream);
    return result == Z_STREAM_END && stream.avail_out == 0 ? NULL : "its gzip payload is damaged";
}

static bool is_zstd(const uint8_t *in, size_t size)
{
    static const uint8_t magic[] = { 0x28, 0xb5, 0x2f, 0xfd };

    return size >= sizeof(magic) && memcmp(in, magic, sizeof(magic)) == 0;
}

static const char *unpack_zstd(const uint8_t *in, size_t size, void *out, size_t out_size)
{
    size_t frame = ZSTD_findFrameCompressedSize(in, size);
    size_t done = ZSTD_isError(frame) ? 0 : ZSTD_decompress(out, out_size, in, frame);

    return done == out_size ? NULL : "its zstd payload is damaged";
}

static const struct {
    bool (*is)(const uint8_t *in, size_t size);
    const char *(*unpack)(const uint8_t *in, size_t size, void *out, size_t out_size);
} formats[] = {
    { is_gzip, unpack_gzip },
    { unpack_is_xz, unpack_xz },
    { unpack_is_lz4, unpack_lz4 },
    { is_zstd, unpack_zstd },
};

static const char *unpack(struct kernel_image *image, const struct bzimage_payload *payload)
{
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        const char *bad;

        if (!formats[i].is(payload->data, payload->size))
            continue;
        image->unpacked = malloc(payload->unpacked);
        if (image->unpacked == NULL)
            return "there is not enough memory in this domain to unpack it";
        bad = formats[i].unpack(payload->data, payload->size, image->unpacked, payload->unpacked);
        if (bad != NULL) {
            kernel_image_close(image);
            return bad;
        }
        image->elf = image->unpacked;
        image->size = payload->unpacked;
        return NULL;
    }
    return "its bzImage is packed by something else than gzip, xz, LZ4 or zstd";
}

const char *kernel_image_open(struct kernel_image *image, const void *file, size_t size)
{
    struct bzimage_payload payload;
    const char *bad = bzimage_find_payload(file, size, &payload);

    *image = (struct kernel_image){ .elf = file, .size = size };
    if (bad != NULL)
        return bad;
    if (payload.data == NULL && is_gzip(file, size)) {
        uint32_t unpacked;

        memcpy(&unpacked, (const char *)file + size - sizeof(unpacked), sizeof(unpacked));
        payload = (struct bzimage_payload){ .data = file, .size = size, .unpacked = unpacked };
        if (unpacked == 0 || unpacked > BZIMAGE_MAX_UNPACKED)
            return "it is packed by gzip and claims an impossible unpacked size";
    }
    return payload.data != NULL ? unpack(image, &payload) : NULL;
}

void kernel_image_close(struct kernel_image *image)
{
    free(image->unpacked);
    image->unpacked = NULL;
}
