/* SPDX-License-Identifier: MIT */
/*
 * GUID partition tables (UEFI specification 2.10, chapter 5), read-only: the primary, or the backup if that
 * is damaged. Checksums, sizes and positions are checked: a table is taken in full or not at all.
 */
#ifndef DOM0_BLOCK_GPT_H
#define DOM0_BLOCK_GPT_H

#include <stddef.h>
#include <stdint.h>

/* Entries that are looked at, and numbers that partitions have. */
#define GPT_MAX_PARTITIONS 128

struct gpt_disk {
    uint32_t block_size; /* bytes, 512 or 4096 */
    uint64_t blocks;
    /* Reads count blocks; 0 or an errno. */
    int (*read)(void *arg, uint64_t block, void *buf, size_t count);
    void *arg;
    const char *problem; /* set by gpt_read(): what is wrong with the table that is there, or NULL */
};

struct gpt_partition {
    unsigned number;      /* from 1: its place in the table */
    uint64_t first, last; /* blocks */
};

/* Returns the number of partitions, at most max, in the order of the table. A disk without a table has none.
 */
unsigned gpt_read(struct gpt_disk *disk, struct gpt_partition *found, unsigned max);

#endif
