/* SPDX-License-Identifier: MIT */
/* Partition tables: good, damaged, and made to harm. */
/* unit-sources: dom0_tools/block/gpt.c */
#include <criterion/criterion.h>
#include <errno.h>

#include "dom0_tools/block/gpt.h"
#include "tests/unit/gpt_maker.h"

static uint8_t image[GPT_BLOCKS * 4096];
static const uint64_t parts[][2] = { { 40, 99 }, { 0, 0 }, { 100, 200 } };
static struct gpt_partition found[GPT_MAX_PARTITIONS];

static int read_image(void *arg, uint64_t block, void *buf, size_t count)
{
    const struct gpt_disk *disk = arg;

    cr_assert_leq(block + count, disk->blocks);
    memcpy(buf, image + block * disk->block_size, count * disk->block_size);
    return 0;
}

static struct gpt_disk make(uint32_t size)
{
    memset(image, 0, sizeof(image));
    gpt_make(image, size, parts, 3);
    return (struct gpt_disk){ .block_size = size, .blocks = GPT_BLOCKS, .read = read_image };
}

static unsigned read_table(struct gpt_disk *disk)
{
    disk->arg = disk;
    return gpt_read(disk, found, GPT_MAX_PARTITIONS);
}

static void expect_both(struct gpt_disk *disk)
{
    cr_assert_eq(read_table(disk), 2);
    cr_assert_eq(found[0].number, 1);
    cr_assert_eq(found[1].number, 3);
    cr_assert_eq(found[1].first, 100);
    cr_assert_eq(found[1].last, 200);
}

Test(gpt, sectors_of_512_bytes)
{
    struct gpt_disk disk = make(512);

    expect_both(&disk);
    cr_assert_null(disk.problem);
}

Test(gpt, sectors_of_4096_bytes)
{
    struct gpt_disk disk = make(4096);

    expect_both(&disk);
}

Test(gpt, empty_disk_is_no_problem)
{
    struct gpt_disk disk = make(512);

    memset(image, 0, sizeof(image));
    cr_assert_eq(read_table(&disk), 0);
    cr_assert_null(disk.problem);
}

Test(gpt, backup_is_used)
{
    struct gpt_disk disk = make(512);

    image[512 + 60] ^= 1;
    expect_both(&disk);
    cr_assert_not_null(disk.problem);
}

Test(gpt, damaged_entries)
{
    struct gpt_disk disk = make(512);

    image[2 * 512 + 33] ^= 1;
    expect_both(&disk);
    image[(GPT_BLOCKS - 33) * 512 + 33] ^= 1;
    cr_assert_eq(read_table(&disk), 0);
    cr_assert_not_null(disk.problem);
}

/* A field of the primary header is set, the header's checksum made right, and the backup destroyed. */
static void refuse(size_t offset, uint64_t value, size_t bytes)
{
    struct gpt_disk disk = make(512);
    uint8_t *header = image + 512;

    memset(image + (GPT_BLOCKS - 1) * 512, 0, 512);
    gpt_put(header + offset, value, bytes);
    if (offset != 88)
        gpt_seal(header, image + 1024);
    else {
        gpt_put(header + 16, 0, 4);
        gpt_put(header + 16, gpt_crc(header, 92), 4);
    }
    cr_assert_eq(read_table(&disk), 0);
    cr_assert_not_null(disk.problem);
}

Test(gpt, hostile_headers)
{
    refuse(12, 91, 4); /* header size */
    refuse(12, 513, 4);
    refuse(24, 2, 8);          /* not its own place */
    refuse(40, 300, 8);        /* first usable behind the last */
    refuse(48, GPT_BLOCKS, 8); /* last usable behind the end */
    refuse(72, GPT_BLOCKS, 8); /* entries behind the end */
    refuse(72, UINT64_MAX, 8);
    refuse(72, GPT_BLOCKS - 4, 8);
    refuse(80, 1025, 4); /* number of entries */
    refuse(80, UINT32_MAX, 4);
    refuse(84, 64, 4); /* size of an entry */
    refuse(84, 8192, 4);
    refuse(84, 132, 4);
    refuse(88, 1, 4); /* checksum of the entries */
}

Test(gpt, partition_outside)
{
    static const uint64_t outside[][2] = { { 40, 250 } }, turned[][2] = { { 60, 50 } },
                          before[][2] = { { 33, 50 } };
    struct gpt_disk disk = make(512);

    memset(image, 0, sizeof(image));
    gpt_make(image, 512, outside, 1);
    cr_assert_eq(read_table(&disk), 0);
    gpt_make(image, 512, turned, 1);
    cr_assert_eq(read_table(&disk), 0);
    gpt_make(image, 512, before, 1);
    cr_assert_eq(read_table(&disk), 0);
}
