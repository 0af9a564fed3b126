/* SPDX-License-Identifier: MIT */
#include "split_drivers/blkback_grants.h"
#include "pvguest/grant_table.h"
#include "pvguest/hypercall.h"
#include "pvguest/memory.h"
#include <errno.h>
#include <stdlib.h>

/* Persistent mappings given up together when there are no spare ones. */
#define EVICT 32

/* A mapping that stays: in a bucket while it stands for a grant, else spare. */
struct blkback_persistent {
    struct blkback_grant grant;
    unsigned int users;
    bool in_bucket;
    bool recent; /* used again since the hand passed by */
    struct blkback_persistent *next;
};

static unsigned int nr_persistent; /* in buckets, of all disks */

static struct gnttab_map_grant_ref maps[BLKBACK_BATCH];
static struct blkback_grant *mapped[BLKBACK_BATCH]; /* by them */
static unsigned int nr_maps;

static struct gnttab_unmap_grant_ref unmaps[BLKBACK_BATCH];
static unsigned int nr_unmaps;

static bool init_persistent(struct blkback_mapper *mapper)
{
    mapper->entries = calloc(BLKBACK_PERSISTENT, sizeof(*mapper->entries));
    mapper->buckets = calloc(BLKBACK_PERSISTENT, sizeof(*mapper->buckets));
    if (!mapper->entries || !mapper->buckets)
        return false;
    if (!mapper->by_dma) {
        mapper->persistent_windows = grant_windows_create(BLKBACK_PERSISTENT);
        if (!mapper->persistent_windows)
            return false;
    }
    for (unsigned int i = BLKBACK_PERSISTENT; i-- > 0;) {
        mapper->entries[i].next = mapper->spare;
        mapper->spare = &mapper->entries[i];
    }
    return true;
}

int blkback_mapper_init(struct blkback_mapper *mapper, domid_t domid, bool by_dma, unsigned int nr_windows,
                        enum blkback_keep keep)
{
    *mapper =
        (struct blkback_mapper){ .domid = domid, .by_dma = by_dma, .nr_windows = nr_windows, .keep = keep };
    if (!by_dma)
        mapper->windows = grant_windows_create(nr_windows);
    if ((by_dma || mapper->windows) && (keep == BLKBACK_KEEP_NONE || init_persistent(mapper)))
        return 0;
    blkback_mapper_end(mapper);
    return ENOMEM;
}

static struct blkback_persistent **bucket_of(const struct blkback_mapper *mapper, grant_ref_t ref)
{
    return &mapper->buckets[ref % BLKBACK_PERSISTENT];
}

static struct blkback_persistent *find(const struct blkback_mapper *mapper, grant_ref_t ref)
{
    struct blkback_persistent *entry = *bucket_of(mapper, ref);

    while (entry && entry->grant.ref != ref)
        entry = entry->next;
    return entry;
}

/* Takes an entry that nobody uses out of its bucket, to stand for another grant. */
static void forget(struct blkback_mapper *mapper, struct blkback_persistent *entry)
{
    struct blkback_persistent **link = bucket_of(mapper, entry->grant.ref);

    while (*link != entry)
        link = &(*link)->next;
    *link = entry->next;
    entry->in_bucket = false;
    entry->next = mapper->spare;
    mapper->spare = entry;
    nr_persistent--;
}

static void note_unmap(struct blkback_mapper *mapper, const struct blkback_grant *grant)
{
    if (nr_unmaps == BLKBACK_BATCH)
        blkback_grants_run_unmap();
    unmaps[nr_unmaps++] = (struct gnttab_unmap_grant_ref){
        .host_addr = mapper->by_dma ? 0 : grant_host_address(grant->virt),
        .dev_bus_addr = mapper->by_dma ? grant->bus : 0,
        .handle = grant->handle,
    };
}

/* Gives `count` of them up, or as many as nobody uses: the first that were not used again since the hand was
 * there last ("second chance"). */
static void evict(struct blkback_mapper *mapper, unsigned int count)
{
    for (unsigned int i = 0; i < 2 * BLKBACK_PERSISTENT && count; i++) {
        struct blkback_persistent *entry = &mapper->entries[mapper->hand++ % BLKBACK_PERSISTENT];

        if (!entry->in_bucket || entry->users)
            continue;
        if (entry->recent) {
            entry->recent = false;
            continue;
        }
        note_unmap(mapper, &entry->grant);
        forget(mapper, entry);
        count--;
    }
    blkback_grants_run_unmap();
}

void blkback_mapper_end(struct blkback_mapper *mapper)
{
    if (mapper->entries && mapper->buckets)
        evict(mapper, BLKBACK_PERSISTENT);
    free(mapper->entries);
    free(mapper->buckets);
    if (mapper->windows)
        grant_windows_destroy(mapper->windows, mapper->nr_windows);
    if (mapper->persistent_windows)
        grant_windows_destroy(mapper->persistent_windows, BLKBACK_PERSISTENT);
    *mapper = (struct blkback_mapper){ 0 };
}

static void note_map(const struct blkback_mapper *mapper, struct blkback_grant *grant, bool readonly,
                     char *window)
{
    grant->virt = window;
    mapped[nr_maps] = grant;
    maps[nr_maps++] = (struct gnttab_map_grant_ref){
        .host_addr = mapper->by_dma ? 0 : grant_host_address(window),
        .flags = (mapper->by_dma ? GNTMAP_device_map : GNTMAP_host_map) | (readonly ? GNTMAP_readonly : 0),
        .ref = grant->ref,
        .dom = mapper->domid,
    };
}

/* A new mapping that is to stay; NULL: all that may stay are in use. */
static struct blkback_persistent *create(struct blkback_mapper *mapper, grant_ref_t ref)
{
    struct blkback_persistent **bucket = bucket_of(mapper, ref), *entry;

    if (!mapper->spare || nr_persistent == BLKBACK_ALL_PERSISTENT)
        evict(mapper, EVICT);
    entry = mapper->spare;
    if (!entry || nr_persistent == BLKBACK_ALL_PERSISTENT)
        return NULL;
    mapper->spare = entry->next;
    *entry = (struct blkback_persistent){ .grant.ref = ref, .in_bucket = true, .next = *bucket };
    *bucket = entry;
    nr_persistent++;
    return entry;
}

static char *window_of(const struct blkback_mapper *mapper, char *windows, size_t number)
{
    return mapper->by_dma ? NULL : windows + number * PAGE_SIZE;
}

/* The entry for a grant that is to stay, with a mapping that works or is noted; NULL: no more may stay. */
static struct blkback_persistent *map_lasting(struct blkback_mapper *mapper, grant_ref_t ref)
{
    struct blkback_persistent *entry = find(mapper, ref);

    if (entry) {
        entry->recent = true;
    } else {
        entry = create(mapper, ref);
        if (!entry)
            return NULL;
        /* Later requests may want to write where this one only reads. */
        note_map(mapper, &entry->grant, false,
                 window_of(mapper, mapper->persistent_windows, (size_t)(entry - mapper->entries)));
    }
    entry->users++;
    return entry;
}

void blkback_grants_map(struct blkback_mapper *mapper, struct blkback_grant *grants,
                        const struct blkif_work *work, unsigned int window)
{
    bool readonly = work->action != BLKIF_OP_READ;
    bool stay = mapper->keep == BLKBACK_KEEP_ALL || (mapper->keep == BLKBACK_KEEP_LASTING && work->lasting);

    for (unsigned int i = 0; i < work->nr_segments; i++) {
        grants[i].ref = work->segments[i].gref;
        grants[i].persistent = stay ? map_lasting(mapper, grants[i].ref) : NULL;
        if (!grants[i].persistent)
            note_map(mapper, &grants[i], readonly, window_of(mapper, mapper->windows, window + i));
    }
}

static void take_result(struct blkback_grant *grant, const struct gnttab_map_grant_ref *map)
{
    grant->mapped = map->status == GNTST_okay;
    grant->handle = map->handle;
    grant->bus = map->dev_bus_addr;
}

void blkback_grants_run_map(void)
{
    bool refused = nr_maps && hypercall_grant_table_op(GNTTABOP_map_grant_ref, maps, nr_maps);

    for (unsigned int i = 0; refused && i < nr_maps; i++)
        maps[i].status = GNTST_general_error;
    for (unsigned int i = 0; i < nr_maps; i++)
        take_result(mapped[i], &maps[i]);
    nr_maps = 0;
}

bool blkback_grants_segments(const struct blkback_grant *grants, const struct blkif_work *work,
                             struct block_segment *segments)
{
    for (unsigned int i = 0; i < work->nr_segments; i++) {
        const struct blkif_request_segment *segment = &work->segments[i];
        const struct blkback_grant *grant = grants[i].persistent ? &grants[i].persistent->grant : &grants[i];
        uint32_t offset = segment->first_sect * BLOCK_SECTOR;

        if (!grant->mapped)
            return false;
        segments[i] = (struct block_segment){
            .virt = grant->virt ? grant->virt + offset : NULL,
            .bus = grant->bus + offset,
            .length = (segment->last_sect - segment->first_sect + 1U) * BLOCK_SECTOR,
        };
    }
    return true;
}

void blkback_grants_unmap(struct blkback_mapper *mapper, const struct blkback_grant *grants,
                          unsigned int count)
{
    for (unsigned int i = 0; i < count; i++) {
        struct blkback_persistent *entry = grants[i].persistent;

        if (!entry && grants[i].mapped)
            note_unmap(mapper, &grants[i]);
        else if (entry && !--entry->users && !entry->grant.mapped)
            forget(mapper, entry);
    }
}

void blkback_grants_run_unmap(void)
{
    if (nr_unmaps)
        hypercall_grant_table_op(GNTTABOP_unmap_grant_ref, unmaps, nr_unmaps);
    nr_unmaps = 0;
}
