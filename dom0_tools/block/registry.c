/* SPDX-License-Identifier: MIT */
#include "dom0_tools/block/registry.h"
#include "dom0_tools/block/gpt.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct entry {
    struct block_device *device;
    unsigned readers, writers;
    TAILQ_ENTRY(entry) link;
};

static TAILQ_HEAD(, entry) entries = TAILQ_HEAD_INITIALIZER(entries);

static struct entry *find(const char *name)
{
    struct entry *entry;

    TAILQ_FOREACH(entry, &entries, link)
    if (strcmp(entry->device->name, name) == 0)
        return entry;
    return NULL;
}

void block_for_each(bool (*fn)(const struct block_device *device, unsigned users, void *arg), void *arg)
{
    struct entry *entry;

    TAILQ_FOREACH(entry, &entries, link)
    if (!fn(entry->device, entry->readers + entry->writers, arg))
        return;
}

static void add(struct block_device *device)
{
    struct entry *entry = calloc(1, sizeof(*entry));

    if (entry == NULL)
        return;
    entry->device = device;
    TAILQ_INSERT_TAIL(&entries, entry, link);
}

/* "vda" + 1 = "vda1", "nvme0n1" + 1 = "nvme0n1p1". */
static void name_partition(struct block_device *part, const struct block_device *disk, unsigned number)
{
    char last = disk->name[strlen(disk->name) - 1];

    snprintf(part->name, sizeof(part->name), "%.16s%s%u", disk->name, last >= '0' && last <= '9' ? "p" : "",
             number);
}

static void add_partition(struct block_device *disk, const struct gpt_partition *found)
{
    struct block_device *part = malloc(sizeof(*part));
    uint32_t per_block = disk->sector_size / BLOCK_SECTOR;

    if (part == NULL)
        return;
    block_init_partition(part, disk, found->first * per_block, (found->last - found->first + 1) * per_block);
    name_partition(part, disk, found->number);
    add(part);
}

static int read_blocks(void *arg, uint64_t block, void *buf, size_t count)
{
    struct blockdev *dev = arg;

    return -dev->ops->read(dev, block, buf, count);
}

static void find_partitions(struct block_device *disk)
{
    struct gpt_partition *found = calloc(GPT_MAX_PARTITIONS, sizeof(*found));
    struct gpt_disk table;
    struct blockdev dev;
    unsigned count;

    if (found == NULL)
        return;
    block_as_blockdev(disk, &dev);
    table = (struct gpt_disk){
        .block_size = dev.sector_size, .blocks = dev.sectors, .read = read_blocks, .arg = &dev
    };
    count = gpt_read(&table, found, GPT_MAX_PARTITIONS);
    if (table.problem != NULL)
        fprintf(stderr, "%s: %s\n", disk->name, table.problem);
    for (unsigned i = 0; i < count; i++)
        add_partition(disk, &found[i]);
    free(found);
}

void block_register(struct block_device *disk)
{
    block_init(disk);
    add(disk);
    find_partitions(disk);
}

/* Whether the two have sectors in common. */
static bool overlap(const struct block_device *a, const struct block_device *b)
{
    return a->disk == b->disk && (a == b || a->disk == a || b->disk == b);
}

int block_open(const char *name, bool write, bool shared, struct block_device **out)
{
    struct entry *entry = find(name), *other;

    if (entry == NULL)
        return ENODEV;
    if (write && entry->device->read_only)
        return EROFS;
    TAILQ_FOREACH(other, &entries, link)
    if (!shared && overlap(entry->device, other->device) &&
        (other->writers > 0 || (write && other->readers > 0)))
        return EBUSY;
    if (write)
        entry->writers++;
    else
        entry->readers++;
    *out = entry->device;
    return 0;
}

void block_close(struct block_device *device, bool write)
{
    struct entry *entry = find(device->name);

    if (write)
        entry->writers--;
    else
        entry->readers--;
}
