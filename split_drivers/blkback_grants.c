/* SPDX-License-Identifier: MIT */
#include "split_drivers/blkback_grants.h"
#include "pvguest/grant_table.h"
#include "pvguest/hypercall.h"
#include "pvguest/memory.h"
#include "split_drivers/blkif_ring.h"
#include <errno.h>
#include <stdlib.h>

/* Persistent mappings given up together when there are no spare ones. */
#define EVICT 32

/* A mapping that stays. It is in a bucket while it stands for a grant, and in `unused` while nobody uses it.
 */
struct blkback_persistent {
    struct blkback_grant grant;
    unsigned int users;
    struct blkback_persistent *next; /* in its bucket */
    TAILQ_ENTRY(blkback_persistent) link;
};

/* What run_map() will do; `op` is the operation that maps the frame, or none where it is mapped already. */
static struct {
    struct blkback_grant *grant;
    int op;
} noted[BLKBACK_BATCH];
static unsigned int nr_noted;

static struct gnttab_map_grant_ref maps[BLKBACK_BATCH];
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
    for (unsigned int i = 0; i < BLKBACK_PERSISTENT; i++)
        TAILQ_INSERT_TAIL(&mapper->spare, &mapper->entries[i], link);
    return true;
}

int blkback_mapper_init(struct blkback_mapper *mapper, domid_t domid, bool by_dma, unsigned int nr_windows,
                        bool persistent)
{
    *mapper = (struct blkback_mapper){ .domid = domid, .by_dma = by_dma, .nr_windows = nr_windows };
    TAILQ_INIT(&mapper->unused);
    TAILQ_INIT(&mapper->spare);
    if (!by_dma)
        mapper->windows = grant_windows_create(nr_windows);
    if ((by_dma || mapper->windows) && (!persistent || init_persistent(mapper)))
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
    TAILQ_INSERT_TAIL(&mapper->spare, entry, link);
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

static void evict(struct blkback_mapper *mapper, unsigned int count)
{
    struct blkback_persistent *entry;

    while (count-- && (entry = TAILQ_FIRST(&mapper->unused))) {
        TAILQ_REMOVE(&mapper->unused, entry, link);
        note_unmap(mapper, &entry->grant);
        forget(mapper, entry);
    }
    blkback_grants_run_unmap();
}

void blkback_mapper_end(struct blkback_mapper *mapper)
{
    if (mapper->entries)
        evict(mapper, BLKBACK_PERSISTENT);
    free(mapper->entries);
    free(mapper->buckets);
    if (mapper->windows)
        grant_windows_destroy(mapper->windows, mapper->nr_windows);
    if (mapper->persistent_windows)
        grant_windows_destroy(mapper->persistent_windows, BLKBACK_PERSISTENT);
    *mapper = (struct blkback_mapper){ 0 };
}

/* Returns the number of the operation. */
static int note_map(struct blkback_mapper *mapper, struct blkback_grant *grant, bool readonly, char *window)
{
    grant->virt = window;
    maps[nr_maps] = (struct gnttab_map_grant_ref){
        .host_addr = mapper->by_dma ? 0 : grant_host_address(window),
        .flags = (mapper->by_dma ? GNTMAP_device_map : GNTMAP_host_map) | (readonly ? GNTMAP_readonly : 0),
        .ref = grant->ref,
        .dom = mapper->domid,
    };
    return (int)nr_maps++;
}

/* A new mapping that is to stay; NULL: all that may stay are in use. */
static struct blkback_persistent *create(struct blkback_mapper *mapper, grant_ref_t ref)
{
    struct blkback_persistent **bucket = bucket_of(mapper, ref), *entry;

    if (TAILQ_EMPTY(&mapper->spare))
        evict(mapper, EVICT);
    entry = TAILQ_FIRST(&mapper->spare);
    if (!entry)
        return NULL;
    TAILQ_REMOVE(&mapper->spare, entry, link);
    entry->grant = (struct blkback_grant){ .ref = ref };
    entry->users = 0;
    entry->next = *bucket;
    *bucket = entry;
    return entry;
}

static char *persistent_window(const struct blkback_mapper *mapper, const struct blkback_persistent *entry)
{
    return mapper->by_dma ? NULL : mapper->persistent_windows + (size_t)(entry - mapper->entries) * PAGE_SIZE;
}

void blkback_grants_map(struct blkback_mapper *mapper, struct blkback_grant *grant, bool readonly,
                        unsigned int window)
{
    struct blkback_persistent *entry = mapper->entries ? find(mapper, grant->ref) : NULL;
    int op = -1;

    if (entry && !entry->users)
        TAILQ_REMOVE(&mapper->unused, entry, link);
    if (!entry && mapper->entries) {
        entry = create(mapper, grant->ref);
        /* Later requests may want to write where this one only reads. */
        if (entry)
            op = note_map(mapper, &entry->grant, false, persistent_window(mapper, entry));
    }
    if (entry)
        entry->users++;
    else
        op = note_map(mapper, grant, readonly,
                      mapper->by_dma ? NULL : mapper->windows + (size_t)window * PAGE_SIZE);
    grant->mapped = false;
    grant->persistent = entry;
    noted[nr_noted].grant = grant;
    noted[nr_noted++].op = op;
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
    for (unsigned int i = 0; i < nr_noted; i++) {
        struct blkback_grant *grant = noted[i].grant;
        struct blkback_persistent *entry = grant->persistent;

        if (noted[i].op >= 0)
            take_result(entry ? &entry->grant : grant, &maps[noted[i].op]);
        if (entry) {
            grant->mapped = entry->grant.mapped;
            grant->bus = entry->grant.bus;
            grant->virt = entry->grant.virt;
        }
    }
    nr_maps = nr_noted = 0;
}

void blkback_grants_unmap(struct blkback_mapper *mapper, struct blkback_grant *grant)
{
    struct blkback_persistent *entry = grant->persistent;

    if (!entry) {
        if (grant->mapped)
            note_unmap(mapper, grant);
    } else if (!--entry->users) {
        if (entry->grant.mapped)
            TAILQ_INSERT_TAIL(&mapper->unused, entry, link);
        else
            forget(mapper, entry);
    }
    grant->mapped = false;
    grant->persistent = NULL;
}

void blkback_grants_run_unmap(void)
{
    if (nr_unmaps)
        hypercall_grant_table_op(GNTTABOP_unmap_grant_ref, unmaps, nr_unmaps);
    nr_unmaps = 0;
}
