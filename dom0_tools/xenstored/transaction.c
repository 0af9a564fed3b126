/* SPDX-License-Identifier: MIT */
#include "dom0_tools/xenstored/transaction.h"
#include "dom0_tools/xenstored/connection.h"
#include "dom0_tools/xenstored/watch.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_BUCKETS 16

/* What a transaction knows of a node. */
struct record {
    struct record *hash_next;
    TAILQ_ENTRY(record) next;     /* in the order of the first look */
    TAILQ_ENTRY(record) sibling;  /* in its parent's `created` */
    TAILQ_HEAD(, record) created; /* children that are not in the tree's directory */
    struct record *parent;        /* while it is in its list */
    uint32_t hash;

    /* The node in the tree when it was looked up first. */
    bool saw_tree; /* no node above it had been removed by the transaction */
    bool was_there;
    unsigned int seen; /* SEE_* */
    uint64_t value_change, permissions_change, children_change;

    /* The node in the transaction. */
    bool hidden; /* a removal above it hides what the tree has */
    bool exists;
    bool removes; /* the tree's node goes */
    bool puts;    /* value or permissions are to be written */
    bool quiet;
    bool changes_value, changes_permissions;
    struct value *value;
    struct permissions *permissions;
    struct node *pinned; /* while it is written: the entry in the tree */

    size_t path_len;
    char path[];
};

struct transaction {
    LIST_ENTRY(transaction) next;
    struct connection *conn;
    uint32_t id;
    uint32_t nr, created; /* records; nodes that it creates */
    uint32_t nr_buckets;  /* a power of two */
    struct record **bucket;
    TAILQ_HEAD(, record) records;
};

/* ---- records ---- */

static uint32_t hash_path(const char *path, size_t len)
{
    uint64_t h = len;

    for (size_t i = 0; i < len; i++) {
        h = (h ^ (unsigned char)path[i]) * 0x9e3779b97f4a7c15;
        h ^= h >> 29;
    }
    return (uint32_t)(h ^ h >> 32);
}

static struct record *find_record(const struct transaction *t, const struct path *path)
{
    uint32_t hash = hash_path(path->text, path->len);
    struct record *record = t->bucket[hash & (t->nr_buckets - 1)];

    while (record != NULL && (record->hash != hash || record->path_len != path->len ||
                              memcmp(record->path, path->text, path->len) != 0))
        record = record->hash_next;
    return record;
}

static void enter(struct transaction *t, struct record *record)
{
    struct record **bucket = &t->bucket[record->hash & (t->nr_buckets - 1)];

    record->hash_next = *bucket;
    *bucket = record;
}

static void grow(struct transaction *t)
{
    struct record **bigger = calloc((size_t)t->nr_buckets * 2, sizeof(*bigger));
    struct record *record;

    if (bigger == NULL)
        return;
    free(t->bucket);
    t->bucket = bigger;
    t->nr_buckets *= 2;
    TAILQ_FOREACH(record, &t->records, next)
    {
        enter(t, record);
    }
}

/* A removal in this transaction, of the nearest node above that it knows, hides what the tree has. */
static bool is_hidden(const struct transaction *t, const struct path *path)
{
    struct path above = *path;

    while (path_parent(&above, &above)) {
        const struct record *record = find_record(t, &above);

        if (record != NULL)
            return record->hidden || record->removes || !record->was_there;
    }
    return false;
}

static struct record *new_record(struct transaction *t, const struct path *path)
{
    struct record *record = calloc(1, sizeof(*record) + path->len + 1);
    const struct node *node;

    if (record == NULL)
        return NULL;
    memcpy(record->path, path->text, path->len);
    record->path_len = path->len;
    record->hash = hash_path(path->text, path->len);
    TAILQ_INIT(&record->created);
    record->hidden = is_hidden(t, path);
    record->saw_tree = !record->hidden;
    node = record->hidden ? NULL : store_find(&t->conn->xs->store, path);
    if (node != NULL) {
        record->was_there = record->exists = true;
        record->value_change = node->value_change;
        record->permissions_change = node->permissions_change;
        record->value = value_get(node->value);
        record->permissions = permissions_get(node->permissions);
    }
    if (++t->nr > t->nr_buckets)
        grow(t);
    TAILQ_INSERT_TAIL(&t->records, record, next);
    enter(t, record);
    return record;
}

static void see(struct record *record, const struct node *node, unsigned int what)
{
    if ((what & SEE_VALUE) != 0 && !record->changes_value)
        record->seen |= SEE_VALUE;
    if ((what & ~record->seen & SEE_CHILDREN) != 0 && node != NULL) {
        record->seen |= SEE_CHILDREN;
        record->children_change = node->children_change;
    }
}

static bool in_tree(const struct record *record)
{
    return record->was_there && !record->removes && !record->hidden;
}

int view_find(const struct view *view, const struct path *path, unsigned int what, struct found *found)
{
    struct connection *conn = view->conn;
    struct transaction *t = view->transaction;
    struct record *record = t != NULL ? find_record(t, path) : NULL;
    struct node *node;

    *found = (struct found){ 0 };
    if (t == NULL) {
        node = store_find(&conn->xs->store, path);
        if (node != NULL)
            *found = (struct found){ true, node->value, node->permissions, node, NULL };
        return 0;
    }
    if (record == NULL && !connection_privileged(conn) && t->nr >= conn->xs->limits.transaction_nodes)
        return ENOSPC;
    if (record == NULL && (record = new_record(t, path)) == NULL)
        return ENOMEM;
    node = in_tree(record) ? store_find(&conn->xs->store, path) : NULL;
    see(record, node, what);
    *found = (struct found){ record->exists, record->value, record->permissions, node, record };
    return 0;
}

/* Whether the transaction shows this child from the tree's directory. */
static bool child_shown(const struct transaction *t, const struct node *node)
{
    struct path path;
    const struct record *record;

    store_path(node, &path);
    record = find_record(t, &path);
    return record == NULL || (record->exists && in_tree(record));
}

void view_children(const struct view *view, const struct found *found, const struct path *path,
                   bool (*fn)(const char *name, void *arg), void *arg)
{
    size_t skip = path->len == 1 ? 1 : path->len + 1;
    struct record *record;
    struct node *node;

    if (found->node != NULL) {
        TAILQ_FOREACH(node, &found->node->children, sibling)
        {
            if ((view->transaction == NULL || child_shown(view->transaction, node)) && !fn(node->name, arg))
                return;
        }
    }
    if (found->record == NULL)
        return;
    TAILQ_FOREACH(record, &found->record->created, sibling)
    {
        if (!fn(record->path + skip, arg))
            return;
    }
}

/* ---- changes ---- */

static int put_in_tree(const struct view *view, const struct path *path, struct value *value,
                       struct permissions *permissions, bool quiet)
{
    struct store *store = &view->conn->xs->store;
    const struct node *node = store_find(store, path);
    struct permissions *old = node != NULL && permissions != NULL ? permissions_get(node->permissions) : NULL;
    int error = store_put(store, path, value, permissions);

    if (error == 0 && !quiet)
        watch_fire(view->conn, store_find(store, path), old);
    permissions_put(old);
    return error;
}

static void create_record(struct transaction *t, struct record *record, const struct path *path)
{
    struct path above;

    record->exists = true;
    t->created++;
    if (!path_parent(&above, path))
        return;
    record->parent = find_record(t, &above);
    TAILQ_INSERT_TAIL(&record->parent->created, record, sibling);
}

int view_put(const struct view *view, const struct path *path, struct value *value,
             struct permissions *permissions, bool quiet)
{
    struct transaction *t = view->transaction;
    struct record *record;

    if (t == NULL)
        return put_in_tree(view, path, value, permissions, quiet);
    record = find_record(t, path);
    if (!record->exists)
        create_record(t, record, path);
    record->quiet = quiet && (record->quiet || !record->puts);
    record->puts = true;
    if (value != NULL) {
        value_get(value);
        value_put(record->value);
        record->value = value;
        record->changes_value = true;
    }
    if (permissions != NULL) {
        permissions_get(permissions);
        permissions_put(record->permissions);
        record->permissions = permissions;
        record->changes_permissions = true;
    }
    return 0;
}

static void drop_record(struct transaction *t, struct record *record)
{
    if (record->exists && !in_tree(record))
        t->created--;
    if (record->parent != NULL)
        TAILQ_REMOVE(&record->parent->created, record, sibling);
    record->parent = NULL;
    record->exists = record->puts = record->changes_value = record->changes_permissions = false;
    value_put(record->value);
    permissions_put(record->permissions);
    record->value = NULL;
    record->permissions = NULL;
}

static void remove_in_transaction(struct transaction *t, const struct path *path)
{
    struct record *top = find_record(t, path);
    struct record *record;

    TAILQ_FOREACH(record, &t->records, next)
    {
        if (record->path_len <= path->len || memcmp(record->path, path->text, path->len) != 0 ||
            record->path[path->len] != '/')
            continue;
        drop_record(t, record);
        record->removes = false;
        record->hidden = true;
    }
    drop_record(t, top);
    top->removes = top->was_there && !top->hidden;
}

void view_remove(const struct view *view, const struct path *path)
{
    struct xenstored *xs = view->conn->xs;

    if (view->transaction != NULL)
        remove_in_transaction(view->transaction, path);
    else
        watch_fire_remove(xs, view->conn, store_find(&xs->store, path));
}

uint32_t view_created(const struct view *view)
{
    return view->transaction != NULL ? view->transaction->created : 0;
}

/* ---- life ---- */

int transaction_start(struct connection *conn, uint32_t *id)
{
    struct xenstored *xs = conn->xs;
    struct account *account = store_account(&xs->store, conn->domid);
    struct transaction *t;

    if (account == NULL)
        return ENOMEM;
    if (!connection_privileged(conn) && account->transactions >= xs->limits.transactions)
        return ENOSPC;
    t = calloc(1, sizeof(*t));
    if (t != NULL)
        t->bucket = calloc(FIRST_BUCKETS, sizeof(*t->bucket));
    if (t == NULL || t->bucket == NULL) {
        free(t);
        return ENOMEM;
    }
    t->nr_buckets = FIRST_BUCKETS;
    t->conn = conn;
    TAILQ_INIT(&t->records);
    do
        t->id = ++xs->last_transaction;
    while (t->id == 0 || transaction_find(conn, t->id) != NULL);
    LIST_INSERT_HEAD(&conn->transactions, t, next);
    account->transactions++;
    *id = t->id;
    return 0;
}

struct transaction *transaction_find(const struct connection *conn, uint32_t id)
{
    struct transaction *t;

    LIST_FOREACH(t, &conn->transactions, next)
    {
        if (t->id == id)
            return t;
    }
    return NULL;
}

/* Whether what the record saw still holds. */
static bool still_holds(const struct store *store, const struct record *record)
{
    const struct node *node;
    struct path path = { .len = record->path_len };

    memcpy(path.text, record->path, record->path_len + 1);
    node = store_find(store, &path);
    if (!record->was_there || node == NULL)
        return !record->was_there && node == NULL;
    return node->permissions_change == record->permissions_change &&
           ((record->seen & SEE_VALUE) == 0 || node->value_change == record->value_change) &&
           ((record->seen & SEE_CHILDREN) == 0 || node->children_change == record->children_change);
}

static bool conflicts(const struct transaction *t)
{
    const struct record *record;

    TAILQ_FOREACH(record, &t->records, next)
    {
        if (record->saw_tree && !still_holds(&t->conn->xs->store, record))
            return true;
    }
    return false;
}

static void record_path(const struct record *record, struct path *path)
{
    path->len = record->path_len;
    memcpy(path->text, record->path, record->path_len + 1);
}

/* Everything that performing needs memory for. Undone by release_all(). ENOMEM, ENOSPC. */
static int prepare(struct transaction *t)
{
    struct store *store = &t->conn->xs->store;
    const struct account *account = store_account(store, t->conn->domid);
    struct record *record;
    struct path path;

    if (!connection_privileged(t->conn) && t->created != 0 &&
        account->nodes + t->created > t->conn->xs->limits.nodes)
        return ENOSPC;
    TAILQ_FOREACH(record, &t->records, next)
    {
        if (!record->puts)
            continue;
        if (store_account(store, record->permissions->entry[0].domid) == NULL)
            return ENOMEM;
        record_path(record, &path);
        record->pinned = store_pin(store, &path);
        if (record->pinned == NULL)
            return ENOMEM;
    }
    return 0;
}

static void release_all(struct transaction *t)
{
    struct record *record;

    TAILQ_FOREACH(record, &t->records, next)
    {
        if (record->pinned != NULL)
            store_unpin(&t->conn->xs->store, record->pinned);
        record->pinned = NULL;
    }
}

/* Parents before children. */
static void perform_put(const struct view *tree, struct record *record)
{
    struct path path;

    if (!record->puts)
        return;
    record->puts = false;
    if (record->parent != NULL)
        perform_put(tree, record->parent);
    record_path(record, &path);
    view_put(tree, &path, record->changes_value ? record->value : NULL,
             record->changes_permissions ? record->permissions : NULL, record->quiet);
}

/* Removals first, then what is (again) created and written. Cannot fail after prepare(). */
static void perform(struct transaction *t)
{
    const struct view tree = { .conn = t->conn };
    struct record *record;
    struct path path;

    TAILQ_FOREACH(record, &t->records, next)
    {
        if (record->removes) {
            record_path(record, &path);
            view_remove(&tree, &path);
        }
    }
    TAILQ_FOREACH(record, &t->records, next)
    {
        perform_put(&tree, record);
    }
}

static void free_transaction(struct transaction *t)
{
    struct record *record;

    while ((record = TAILQ_FIRST(&t->records)) != NULL) {
        TAILQ_REMOVE(&t->records, record, next);
        value_put(record->value);
        permissions_put(record->permissions);
        free(record);
    }
    store_account(&t->conn->xs->store, t->conn->domid)->transactions--;
    LIST_REMOVE(t, next);
    free(t->bucket);
    free(t);
}

int transaction_end(struct transaction *t, bool commit)
{
    int error = 0;

    if (commit)
        error = conflicts(t) ? EAGAIN : prepare(t);
    if (commit && error == 0)
        perform(t);
    release_all(t);
    free_transaction(t);
    return error;
}

void transaction_end_all(struct connection *conn)
{
    while (!LIST_EMPTY(&conn->transactions))
        transaction_end(LIST_FIRST(&conn->transactions), false);
}
