/* SPDX-License-Identifier: MIT */
#include "hv/boot/unpack.h"
#include "hv/lib/string.h"
#include <lz4.h>
#include <lzma.h>

#define LZ4_MAGIC_SIZE 4
#define LZ4_CHUNK      MIB(8) /* the legacy frame's blocks unpack to at most this */
#define XZ_MEMORY      MIB(256)

static uint32_t read32(const uint8_t *p)
{
    return p[0] | p[1] << 8 | p[2] << 16 | (uint32_t)p[3] << 24;
}

bool unpack_is_xz(const uint8_t *in, size_t size)
{
    static const uint8_t magic[] = { 0xfd, '7', 'z', 'X', 'Z', 0 };

    return size >= sizeof(magic) && memcmp(in, magic, sizeof(magic)) == 0;
}

bool unpack_is_lz4(const uint8_t *in, size_t size)
{
    static const uint8_t magic[LZ4_MAGIC_SIZE] = { 0x02, 0x21, 0x4c, 0x18 };

    return size >= sizeof(magic) && memcmp(in, magic, sizeof(magic)) == 0;
}

const char *unpack_lz4(const uint8_t *in, size_t size, void *out, size_t out_size)
{
    size_t at = LZ4_MAGIC_SIZE, done = 0;

    while (at + 4 <= size && done < out_size) {
        uint32_t packed = read32(in + at);
        int n;

        at += 4;
        if (packed > size - at)
            return "its LZ4 payload is cut off";
        n = LZ4_decompress_safe((const char *)in + at, (char *)out + done, (int)packed,
                                (int)min((uint64_t)LZ4_CHUNK, (uint64_t)(out_size - done)));
        if (n < 0)
            return "its LZ4 payload is damaged";
        done += (size_t)n;
        at += packed;
    }
    return done == out_size ? NULL : "its LZ4 payload is shorter than it says";
}

const char *unpack_xz(const uint8_t *in, size_t size, void *out, size_t out_size)
{
    size_t in_pos = 0, out_pos = 0;
    uint64_t memlimit = XZ_MEMORY;

    switch (lzma_stream_buffer_decode(&memlimit, 0, NULL, in, &in_pos, size, out, &out_pos, out_size)) {
    case LZMA_OK:
        return out_pos == out_size ? NULL : "its xz payload is shorter than it says";
    case LZMA_MEM_ERROR:
    case LZMA_MEMLIMIT_ERROR:
        return "there is not enough memory to unpack its xz payload";
    case LZMA_OPTIONS_ERROR:
        return "its xz payload uses a filter that Ryokan does not know";
    default:
        return "its xz payload is damaged";
    }
}
