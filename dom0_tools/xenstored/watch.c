/* SPDX-License-Identifier: MIT */
#include "dom0_tools/xenstored/watch.h"
#include "dom0_tools/xenstored/connection.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* How many components of the path have no node. */
static unsigned int missing(const struct store *store, const struct path *path)
{
    struct path at = *path;
    unsigned int n = 0;

    while (store_find_entry(store, &at) == NULL) {
        n++;
        if (!path_parent(&at, &at))
            break;
    }
    return n;
}

static struct watch *find(const struct connection *conn, const struct node *node, const char *token)
{
    struct watch *watch;

    LIST_FOREACH(watch, &node->watches, on_node)
    {
        if (watch->connection == conn && strcmp(watch->token, token) == 0)
            return watch;
    }
    return NULL;
}

int watch_add(struct connection *conn, const struct path *path, bool relative, const char *token)
{
    struct store *store = &conn->xs->store;
    const struct xenstored_limits *limits = &conn->xs->limits;
    struct account *account = store_account(store, conn->domid);
    struct node *node = store_find_entry(store, path);
    struct watch *watch;

    if (account == NULL)
        return ENOMEM;
    if (node != NULL && find(conn, node, token) != NULL)
        return EEXIST;
    if (!connection_privileged(conn) && account->watches >= limits->watches)
        return E2BIG;
    if (!connection_privileged(conn) && missing(store, path) > limits->watch_depth)
        return ENOSPC;
    watch = malloc(sizeof(*watch) + strlen(token) + 1);
    if (watch == NULL)
        return ENOMEM;
    node = store_entry(store, path);
    if (node == NULL) {
        free(watch);
        return ENOMEM;
    }
    *watch = (struct watch){ .connection = conn, .node = node, .relative = relative };
    strcpy(watch->token, token);
    LIST_INSERT_HEAD(&node->watches, watch, on_node);
    LIST_INSERT_HEAD(&conn->watches, watch, of_connection);
    account->watches++;
    return 0;
}

static void destroy(struct watch *watch)
{
    struct store *store = &watch->connection->xs->store;
    struct message *event;

    while ((event = LIST_FIRST(&watch->events)) != NULL) {
        LIST_REMOVE(event, of_watch);
        event->watch = NULL;
    }
    store_account(store, watch->connection->domid)->watches--;
    LIST_REMOVE(watch, on_node);
    LIST_REMOVE(watch, of_connection);
    store_release(store, watch->node);
    free(watch);
}

int watch_remove(struct connection *conn, const struct path *path, const char *token)
{
    struct node *node = store_find_entry(&conn->xs->store, path);
    struct watch *watch = node != NULL ? find(conn, node, token) : NULL;

    if (watch == NULL)
        return ENOENT;
    destroy(watch);
    return 0;
}

void watch_remove_all(struct connection *conn)
{
    while (!LIST_EMPTY(&conn->watches))
        destroy(LIST_FIRST(&conn->watches));
}

static bool may_read(const struct connection *conn, const struct permissions *permissions)
{
    return permissions != NULL &&
           (permissions_of(&conn->xs->store, permissions, conn->domid, conn->target) & ACCESS_READ) != 0;
}

static bool may_know(const struct watch *watch, const struct node *node, const struct permissions *old)
{
    const struct connection *conn = watch->connection;

    return may_read(conn, old) || may_read(conn, node->permissions) ||
           (node->parent != NULL && may_read(conn, node->parent->permissions));
}

static void tell(struct node *watched, const struct node *node, const char *path,
                 const struct permissions *old, struct connection *cause)
{
    struct watch *watch;

    LIST_FOREACH(watch, &watched->watches, on_node)
    {
        if (may_know(watch, node, old))
            connection_event(watch, path, cause);
    }
}

void watch_fire(struct connection *cause, struct node *node, const struct permissions *old)
{
    struct path path;

    store_path(node, &path);
    for (struct node *at = node; at != NULL; at = at->parent)
        tell(at, node, path.text, old, cause);
}

static void tell_removed(struct node *node, void *cause)
{
    struct path path;

    if (LIST_EMPTY(&node->watches))
        return;
    store_path(node, &path);
    tell(node, node, path.text, NULL, cause);
}

void watch_fire_remove(struct xenstored *xs, struct connection *cause, struct node *node)
{
    struct path path;

    store_path(node, &path);
    for (struct node *at = node->parent; at != NULL; at = at->parent)
        tell(at, node, path.text, NULL, cause);
    store_remove(&xs->store, node, tell_removed, cause);
}

void watch_fire_special(struct xenstored *xs, const char *name)
{
    struct path path;
    struct node *node;

    if (path_parse(&path, name, PRIVILEGED_DOMID, true) && (node = store_find(&xs->store, &path)) != NULL)
        watch_fire(NULL, node, NULL);
}
