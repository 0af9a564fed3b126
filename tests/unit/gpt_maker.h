/* SPDX-License-Identifier: MIT */
/* Builds partition tables, good ones and others. */
#ifndef TESTS_UNIT_GPT_MAKER_H
#define TESTS_UNIT_GPT_MAKER_H

#include <stdint.h>
#include <string.h>

#define GPT_BLOCKS  256
#define GPT_ENTRIES 128

/* Byte by byte, so that the code under test is not its own witness. */
static inline uint32_t gpt_crc(const uint8_t *data, size_t length)
{
    uint32_t table[256], crc = ~0U;

    for (uint32_t i = 0; i < 256; i++) {
        table[i] = i;
        for (int k = 0; k < 8; k++)
            table[i] = table[i] & 1 ? table[i] >> 1 ^ 0xedb88320 : table[i] >> 1;
    }
    for (size_t i = 0; i < length; i++)
        crc = table[(crc ^ data[i]) & 0xff] ^ crc >> 8;
    return ~crc;
}

static inline void gpt_put(uint8_t *at, uint64_t value, size_t bytes)
{
    memcpy(at, &value, bytes);
}

static inline void gpt_seal(uint8_t *header, const uint8_t *entries)
{
    gpt_put(header + 88, gpt_crc(entries, GPT_ENTRIES * 128), 4);
    gpt_put(header + 16, 0, 4);
    gpt_put(header + 16, gpt_crc(header, 92), 4);
}

/* One table: its header's block, its entries' block, and the other header's. */
static inline void gpt_write(uint8_t *disk, uint32_t size, uint64_t self, uint64_t entries, uint64_t other,
                             const uint64_t (*parts)[2], unsigned count)
{
    uint8_t *header = disk + self * size, *table = disk + entries * size;

    memcpy(header, "EFI PART\0\0\1\0", 12);
    gpt_put(header + 12, 92, 4);
    gpt_put(header + 24, self, 8);
    gpt_put(header + 32, other, 8);
    gpt_put(header + 40, 34, 8);
    gpt_put(header + 48, GPT_BLOCKS - 34, 8);
    gpt_put(header + 72, entries, 8);
    gpt_put(header + 80, GPT_ENTRIES, 4);
    gpt_put(header + 84, 128, 4);
    for (unsigned i = 0; i < count; i++) {
        memset(table + i * 128, parts[i][0] ? 0x5a : 0, 32);
        gpt_put(table + i * 128 + 32, parts[i][0], 8);
        gpt_put(table + i * 128 + 40, parts[i][1], 8);
    }
    gpt_seal(header, table);
}

/* Both tables of a disk of GPT_BLOCKS blocks, which is zeroed. */
static inline void gpt_make(uint8_t *disk, uint32_t size, const uint64_t (*parts)[2], unsigned count)
{
    gpt_write(disk, size, 1, 2, GPT_BLOCKS - 1, parts, count);
    gpt_write(disk, size, GPT_BLOCKS - 1, GPT_BLOCKS - 33, 1, parts, count);
}

#endif
