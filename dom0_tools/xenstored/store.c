/* SPDX-License-Identifier: MIT */
#include "dom0_tools/xenstored/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_ORDER 8

/* ---- values and permissions ---- */

struct value *value_new(const void *data, size_t len)
{
    struct value *value = malloc(sizeof(*value) + len);

    if (value == NULL)
        return NULL;
    value->refs = 1;
    value->len = (uint32_t)len;
    if (len != 0)
        memcpy(value->data, data, len);
    return value;
}

struct value *value_get(struct value *value)
{
    if (value != NULL)
        value->refs++;
    return value;
}

void value_put(struct value *value)
{
    if (value != NULL && --value->refs == 0)
        free(value);
}

struct permissions *permissions_new(struct store *store, const struct permission *entry, unsigned int nr)
{
    struct permissions *permissions = malloc(sizeof(*permissions) + nr * sizeof(*entry));

    if (permissions == NULL)
        return NULL;
    permissions->refs = 1;
    permissions->nr = nr;
    permissions->change = ++store->change;
    memcpy(permissions->entry, entry, nr * sizeof(*entry));
    return permissions;
}

struct permissions *permissions_with_owner(const struct permissions *from, uint16_t owner)
{
    size_t size = sizeof(*from) + from->nr * sizeof(from->entry[0]);
    struct permissions *permissions = malloc(size);

    if (permissions == NULL)
        return NULL;
    memcpy(permissions, from, size);
    permissions->refs = 1;
    permissions->entry[0].domid = owner;
    return permissions;
}

struct permissions *permissions_get(struct permissions *permissions)
{
    if (permissions != NULL)
        permissions->refs++;
    return permissions;
}

void permissions_put(struct permissions *permissions)
{
    if (permissions != NULL && --permissions->refs == 0)
        free(permissions);
}

unsigned int permissions_of(struct store *store, const struct permissions *permissions, uint16_t domid,
                            uint16_t target)
{
    const struct permission *entry = permissions->entry;

    if (domid == PRIVILEGED_DOMID || entry[0].domid == domid || entry[0].domid == target)
        return ACCESS_READ | ACCESS_WRITE | ACCESS_OWNER;
    for (unsigned int i = 1; i < permissions->nr; i++) {
        const struct account *named;

        if (entry[i].domid != domid && entry[i].domid != target)
            continue;
        named = store_account(store, entry[i].domid);
        if (named != NULL && permissions->change > named->ended)
            return entry[i].access;
    }
    return entry[0].access;
}

struct account *store_account(struct store *store, uint16_t domid)
{
    struct account ***page = &store->accounts[domid / DOMIDS_PER_PAGE];
    struct account **slot;

    if (*page == NULL)
        *page = calloc(DOMIDS_PER_PAGE, sizeof(**page));
    if (*page == NULL)
        return NULL;
    slot = &(*page)[domid % DOMIDS_PER_PAGE];
    if (*slot == NULL && (*slot = calloc(1, sizeof(**slot))) != NULL)
        (*slot)->domid = domid;
    return *slot;
}

/* ---- the hash table ---- */

static uint32_t hash_name(const struct store *store, const struct node *parent, const char *name, size_t len)
{
    uint64_t h = store->seed ^ (uint64_t)(uintptr_t)parent;

    for (size_t i = 0; i < len; i++) {
        h = (h ^ (unsigned char)name[i]) * 0x9e3779b97f4a7c15;
        h ^= h >> 29;
    }
    return (uint32_t)(h ^ h >> 32);
}

static struct node **bucket_of(const struct store *store, uint32_t hash)
{
    return &store->bucket[hash & ((1u << store->order) - 1)];
}

static struct node *find_child(const struct store *store, const struct node *parent, const char *name,
                               size_t len)
{
    uint32_t hash = hash_name(store, parent, name, len);
    struct node *node = *bucket_of(store, hash);

    while (node != NULL && (node->hash != hash || node->parent != parent || node->name_len != len ||
                            memcmp(node->name, name, len) != 0))
        node = node->hash_next;
    return node;
}

/* Doubles the table when it is full; when there is no memory for that, chains grow longer. */
static void grow(struct store *store)
{
    size_t old_size = (size_t)1 << store->order;
    struct node **old = store->bucket;
    struct node **bigger;

    if (store->entries < old_size || (bigger = calloc(old_size * 2, sizeof(*bigger))) == NULL)
        return;
    store->bucket = bigger;
    store->order++;
    for (size_t i = 0; i < old_size; i++) {
        while (old[i] != NULL) {
            struct node *node = old[i];
            struct node **bucket = bucket_of(store, node->hash);

            old[i] = node->hash_next;
            node->hash_next = *bucket;
            *bucket = node;
        }
    }
    free(old);
}

static struct node *new_entry(struct store *store, struct node *parent, const char *name, size_t len)
{
    struct node *node = calloc(1, sizeof(*node) + len + 1);
    struct node **bucket;

    if (node == NULL)
        return NULL;
    memcpy(node->name, name, len);
    node->name_len = (uint16_t)len;
    node->parent = parent;
    node->hash = hash_name(store, parent, name, len);
    TAILQ_INIT(&node->children);
    LIST_INIT(&node->watches);
    if (parent != NULL)
        parent->below++;
    grow(store);
    store->entries++;
    bucket = bucket_of(store, node->hash);
    node->hash_next = *bucket;
    *bucket = node;
    return node;
}

static void free_entry(struct store *store, struct node *node)
{
    struct node **link = bucket_of(store, node->hash);

    while (*link != node)
        link = &(*link)->hash_next;
    *link = node->hash_next;
    store->entries--;
    if (node->parent != NULL)
        node->parent->below--;
    free(node);
}

void store_release(struct store *store, struct node *node)
{
    while (node != NULL && !node->exists && node->below == 0 && LIST_EMPTY(&node->watches)) {
        struct node *parent = node->parent;

        free_entry(store, node);
        node = parent;
    }
}

/* Walks the path; makes missing entries if it is to. Special names are entries without a parent. */
static struct node *walk(struct store *store, const struct path *path, bool make)
{
    struct node *node = path_is_special(path) ? NULL : store->root;
    const char *at = path->text + (path_is_special(path) ? 0 : 1);

    while (*at != '\0') {
        const char *slash = strchr(at, '/');
        size_t len = slash != NULL ? (size_t)(slash - at) : strlen(at);
        struct node *child = find_child(store, node, at, len);

        if (child == NULL && make) {
            child = new_entry(store, node, at, len);
            if (child == NULL)
                store_release(store, node);
        }
        if (child == NULL)
            return NULL;
        node = child;
        at += len + (slash != NULL ? 1 : 0);
    }
    return node;
}

struct node *store_find_entry(const struct store *store, const struct path *path)
{
    return walk((struct store *)(uintptr_t)store, path, false);
}

struct node *store_find(const struct store *store, const struct path *path)
{
    struct node *node = store_find_entry(store, path);

    return node != NULL && node->exists ? node : NULL;
}

struct node *store_entry(struct store *store, const struct path *path)
{
    return walk(store, path, true);
}

/* A pin counts like a node below. */
struct node *store_pin(struct store *store, const struct path *path)
{
    struct node *node = store_entry(store, path);

    if (node != NULL)
        node->below++;
    return node;
}

void store_unpin(struct store *store, struct node *node)
{
    node->below--;
    store_release(store, node);
}

/* ---- changes ---- */

static void set_permissions(struct store *store, struct node *node, struct permissions *permissions)
{
    struct account *owner = store_account(store, permissions->entry[0].domid);

    if (node->permissions != NULL) {
        store_account(store, node->permissions->entry[0].domid)->nodes--;
        LIST_REMOVE(node, owned);
    }
    owner->nodes++;
    LIST_INSERT_HEAD(&owner->owned, node, owned);
    permissions_get(permissions);
    permissions_put(node->permissions);
    node->permissions = permissions;
    node->permissions_change = ++store->change;
}

static void set_value(struct store *store, struct node *node, struct value *value)
{
    value_get(value);
    value_put(node->value);
    node->value = value;
    node->value_change = ++store->change;
}

int store_put(struct store *store, const struct path *path, struct value *value,
              struct permissions *permissions)
{
    struct node *node = store_entry(store, path);

    if (node == NULL || (permissions != NULL && store_account(store, permissions->entry[0].domid) == NULL)) {
        store_release(store, node);
        return ENOMEM;
    }
    if (node->parent != NULL && !node->parent->exists) {
        store_release(store, node);
        return ENOENT;
    }
    if (!node->exists) {
        node->exists = true;
        store->nodes++;
        node->children_change = ++store->change;
        if (node->parent != NULL) {
            TAILQ_INSERT_TAIL(&node->parent->children, node, sibling);
            node->parent->children_change = store->change;
        }
    }
    if (value != NULL)
        set_value(store, node, value);
    if (permissions != NULL)
        set_permissions(store, node, permissions);
    return 0;
}

static void remove_one(struct store *store, struct node *node)
{
    struct node *parent = node->parent;

    store_account(store, node->permissions->entry[0].domid)->nodes--;
    LIST_REMOVE(node, owned);
    permissions_put(node->permissions);
    value_put(node->value);
    node->permissions = NULL;
    node->value = NULL;
    node->exists = false;
    store->nodes--;
    if (parent != NULL) {
        TAILQ_REMOVE(&parent->children, node, sibling);
        parent->children_change = ++store->change;
    }
}

void store_remove(struct store *store, struct node *top, void (*removed)(struct node *node, void *arg),
                  void *arg)
{
    struct node *stop = top->parent;
    struct node *node = top;

    /* Down to a leaf, remove it, up to its parent: no recursion, whatever the depth. */
    while (node != stop) {
        struct node *parent = node->parent;
        bool last = node == top;

        if (!TAILQ_EMPTY(&node->children)) {
            node = TAILQ_FIRST(&node->children);
            continue;
        }
        if (removed != NULL)
            removed(node, arg);
        remove_one(store, node);
        store_release(store, node);
        if (last)
            break;
        node = parent;
    }
}

void store_path(const struct node *node, struct path *path)
{
    size_t at = sizeof(path->text) - 1;

    path->text[at] = '\0';
    for (; node->name_len != 0; node = node->parent) {
        at -= node->name_len;
        memcpy(path->text + at, node->name, node->name_len);
        if (node->parent == NULL)
            break;
        path->text[--at] = '/';
    }
    if (path->text[at] == '\0')
        path->text[--at] = '/';
    path->len = sizeof(path->text) - 1 - at;
    memmove(path->text, path->text + at, path->len + 1);
}

/* ---- life ---- */

int store_init(struct store *store, uint64_t seed)
{
    const struct permission permission = { .domid = PRIVILEGED_DOMID, .access = 0 };
    static const char *const names[] = { "/", "@introduceDomain", "@releaseDomain" };
    int error = 0;

    *store = (struct store){ .seed = seed, .order = FIRST_ORDER };
    store->bucket = calloc((size_t)1 << store->order, sizeof(*store->bucket));
    if (store->bucket == NULL || (store->root = new_entry(store, NULL, "", 0)) == NULL)
        return ENOMEM;
    for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]) && error == 0; i++) {
        struct permissions *permissions = permissions_new(store, &permission, 1);
        struct value *value = value_new("", 0);
        struct path path;

        path_parse(&path, names[i], 0, true);
        error = permissions != NULL && value != NULL ? store_put(store, &path, value, permissions) : ENOMEM;
        permissions_put(permissions);
        value_put(value);
    }
    return error;
}

/* @pre no watches are left. */
void store_free(struct store *store)
{
    for (size_t i = 0; store->bucket != NULL && i < (size_t)1 << store->order; i++) {
        struct node *next;

        for (struct node *node = store->bucket[i]; node != NULL; node = next) {
            next = node->hash_next;
            permissions_put(node->permissions);
            value_put(node->value);
            free(node);
        }
    }
    free(store->bucket);
    for (size_t i = 0; i < sizeof(store->accounts) / sizeof(store->accounts[0]); i++) {
        for (size_t j = 0; store->accounts[i] != NULL && j < DOMIDS_PER_PAGE; j++)
            free(store->accounts[i][j]);
        free(store->accounts[i]);
    }
    *store = (struct store){ 0 };
}
