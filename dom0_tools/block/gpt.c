/* SPDX-License-Identifier: MIT */
#include "dom0_tools/block/gpt.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define SIGNATURE      "EFI PART"
#define HEADER_MIN     92
#define ENTRY_MIN      128
#define ENTRY_MAX      4096
#define MAX_ENTRIES    1024 /* of which the first GPT_MAX_PARTITIONS are partitions here */
#define PRIMARY_BLOCK  1
#define CRC_POLYNOMIAL 0xedb88320U

struct gpt_header {
    char signature[8];
    uint32_t revision, header_size, header_crc, reserved;
    uint64_t my_block, alternate_block, first_usable, last_usable;
    uint8_t disk_guid[16];
    uint64_t entries_block;
    uint32_t nr_entries, entry_size, entries_crc;
} __attribute__((packed));

struct gpt_entry {
    uint8_t type[16], guid[16];
    uint64_t first, last, attributes;
} __attribute__((packed));

_Static_assert(sizeof(struct gpt_header) == HEADER_MIN, "as the specification has it");

/* A disk without any table is not worth a word. */
static const char no_table[] = "it has no partition table";

/* CRC-32 as in IEEE 802.3, which the specification prescribes. */
static uint32_t crc32(const uint8_t *data, size_t length)
{
    uint32_t crc = UINT32_MAX;

    for (size_t i = 0; i < length; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ ((crc & 1) != 0 ? CRC_POLYNOMIAL : 0);
    }
    return ~crc;
}

static bool header_crc_is_right(uint8_t *block, const struct gpt_header *header)
{
    uint32_t expected = header->header_crc;

    memset(block + offsetof(struct gpt_header, header_crc), 0, sizeof(expected));
    return crc32(block, header->header_size) == expected;
}

/* Reads and checks the header at a block; NULL when it is good. */
static const char *read_header(const struct gpt_disk *disk, uint64_t at, struct gpt_header *header)
{
    uint8_t *block = malloc(disk->block_size);
    const char *problem = NULL;

    if (block == NULL || disk->read(disk->arg, at, block, 1) != 0) {
        free(block);
        return "its partition table cannot be read";
    }
    memcpy(header, block, sizeof(*header));
    if (memcmp(header->signature, SIGNATURE, sizeof(header->signature)) != 0)
        problem = no_table;
    else if (header->header_size < HEADER_MIN || header->header_size > disk->block_size)
        problem = "its partition table's header has an impossible size";
    else if (!header_crc_is_right(block, header))
        problem = "its partition table's header has a wrong checksum";
    else if (header->my_block != at || header->first_usable > header->last_usable ||
             header->last_usable >= disk->blocks)
        problem = "its partition table is of another disk";
    else if (header->entry_size < ENTRY_MIN || header->entry_size > ENTRY_MAX ||
             header->entry_size % 8 != 0 || header->nr_entries > MAX_ENTRIES)
        problem = "its partition table has too many or too large entries";
    free(block);
    return problem;
}

/* Takes over the entries that are in use; one outside of the usable area makes the table a bad one. */
static const char *take_entries(const struct gpt_header *header, const uint8_t *table,
                                struct gpt_partition *found, unsigned max, unsigned *count)
{
    static const uint8_t unused[16];

    *count = 0;
    for (unsigned i = 0; i < header->nr_entries && i < GPT_MAX_PARTITIONS && *count < max; i++) {
        struct gpt_entry entry;

        memcpy(&entry, table + (size_t)i * header->entry_size, sizeof(entry));
        if (memcmp(entry.type, unused, sizeof(unused)) == 0)
            continue;
        if (entry.first > entry.last || entry.first < header->first_usable ||
            entry.last > header->last_usable) {
            *count = 0;
            return "a partition lies outside of the disk";
        }
        found[(*count)++] = (struct gpt_partition){ i + 1, entry.first, entry.last };
    }
    return NULL;
}

static const char *read_entries(const struct gpt_disk *disk, const struct gpt_header *header,
                                struct gpt_partition *found, unsigned max, unsigned *count)
{
    size_t bytes = (size_t)header->nr_entries * header->entry_size;
    size_t blocks = (bytes + disk->block_size - 1) / disk->block_size;
    const char *problem = "its partition table cannot be read";
    uint8_t *table;

    if (header->entries_block >= disk->blocks || blocks > disk->blocks - header->entries_block)
        return "its partition table lies outside of the disk";
    table = malloc(blocks * disk->block_size + 1);
    if (table != NULL && disk->read(disk->arg, header->entries_block, table, blocks) == 0) {
        if (crc32(table, bytes) != header->entries_crc)
            problem = "its partition table has a wrong checksum";
        else
            problem = take_entries(header, table, found, max, count);
    }
    free(table);
    return problem;
}

static const char *read_table(const struct gpt_disk *disk, uint64_t at, struct gpt_partition *found,
                              unsigned max, unsigned *count)
{
    struct gpt_header header;
    const char *problem = read_header(disk, at, &header);

    *count = 0;
    return problem != NULL ? problem : read_entries(disk, &header, found, max, count);
}

unsigned gpt_read(struct gpt_disk *disk, struct gpt_partition *found, unsigned max)
{
    const char *primary;
    unsigned count = 0;

    disk->problem = NULL;
    if (disk->blocks < 3)
        return 0;
    primary = read_table(disk, PRIMARY_BLOCK, found, max, &count);
    if (primary == NULL)
        return count;
    if (read_table(disk, disk->blocks - 1, found, max, &count) == NULL) {
        disk->problem = "its first partition table is damaged; the backup at its end is used";
        return count;
    }
    if (primary != no_table)
        disk->problem = primary;
    return 0;
}
