/* SPDX-License-Identifier: MIT */
#include "dom0_tools/toolstack/registry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS 1024

LIST_HEAD(bucket, domain_record);

static struct bucket names[BUCKETS], domids[BUCKETS];

/* FNV-1a. */
static struct bucket *name_bucket(const char *name)
{
    uint32_t hash = 2166136261U;

    for (; *name != '\0'; name++)
        hash = (hash ^ (unsigned char)*name) * 16777619U;
    return &names[hash % BUCKETS];
}

static struct bucket *domid_bucket(domid_t domid)
{
    return &domids[domid % BUCKETS];
}

struct domain_record *registry_add(domid_t domid, const char *name)
{
    struct domain_record *record = calloc(1, sizeof(*record));

    if (record == NULL)
        return NULL;
    record->domid = domid;
    snprintf(record->name, sizeof(record->name), "%s", name);
    LIST_INSERT_HEAD(name_bucket(record->name), record, by_name);
    LIST_INSERT_HEAD(domid_bucket(domid), record, by_domid);
    return record;
}

void registry_remove(struct domain_record *record)
{
    LIST_REMOVE(record, by_name);
    LIST_REMOVE(record, by_domid);
    domain_config_free(&record->config);
    free(record);
}

struct domain_record *registry_find_name(const char *name)
{
    struct domain_record *record;

    LIST_FOREACH(record, name_bucket(name), by_name)
    {
        if (strcmp(record->name, name) == 0)
            return record;
    }
    return NULL;
}

struct domain_record *registry_find_domid(domid_t domid)
{
    struct domain_record *record;

    LIST_FOREACH(record, domid_bucket(domid), by_domid)
    {
        if (record->domid == domid)
            return record;
    }
    return NULL;
}

void registry_rename(struct domain_record *record, const char *name)
{
    LIST_REMOVE(record, by_name);
    snprintf(record->name, sizeof(record->name), "%s", name);
    LIST_INSERT_HEAD(name_bucket(record->name), record, by_name);
}
