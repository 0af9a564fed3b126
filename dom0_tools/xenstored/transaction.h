/* SPDX-License-Identifier: MIT */
/*
 * Transactions. One keeps a record of each node that it looked at or changed, and nothing else, so that it
 * costs in proportion to those. What it changes stays in its records until it ends; what it saw is noted with
 * the number of the node's last change, in four kinds: that there was no node, its permissions (and with them
 * that there was one), its value, its children. It may be committed if all that still holds then: it is as if
 * all of it happened at that moment. Changes that others made beside that are no conflict, such as other
 * children of a directory that was not listed, or other nodes below one that is removed.
 *
 * A view is what requests work on: the tree itself, or the tree through a transaction. They look everything
 * up and check it first (view_find), then change it.
 */
#ifndef DOM0_XENSTORED_TRANSACTION_H
#define DOM0_XENSTORED_TRANSACTION_H

#include "dom0_tools/xenstored/xenstored.h"

struct record;

struct view {
    struct connection *conn;
    struct transaction *transaction; /* NULL: the tree itself */
};

/* What is to be known of a node beside its permissions. */
#define SEE_VALUE    1u
#define SEE_CHILDREN 2u

struct found {
    bool exists;
    struct value *value;
    struct permissions *permissions;
    struct node *node;     /* in the tree, if it is there and not removed by the transaction */
    struct record *record; /* in a transaction */
};

/* 0, whether it exists or not; ENOMEM, ENOSPC (too many nodes for a transaction). */
int view_find(const struct view *view, const struct path *path, unsigned int see, struct found *found);

/* Calls fn for each child of what was found with SEE_CHILDREN, until it returns false. */
void view_children(const struct view *view, const struct found *found, const struct path *path,
                   bool (*fn)(const char *name, void *arg), void *arg);

/* Creates or changes the node at the path, whose parent exists (both were looked up): NULL leaves value or
 * permissions as they are. `quiet`: nobody is told, because a node below is created next. ENOMEM. */
int view_put(const struct view *view, const struct path *path, struct value *value,
             struct permissions *permissions, bool quiet);

/* Removes a node that exists (it was looked up) and all below. */
void view_remove(const struct view *view, const struct path *path);

/* Nodes that the view's own changes add to those that the domain owns. */
uint32_t view_created(const struct view *view);

/* ENOMEM, ENOSPC (too many at once). */
int transaction_start(struct connection *conn, uint32_t *id);
struct transaction *transaction_find(const struct connection *conn, uint32_t id);
/* Ends it, and performs its changes if `commit`. EAGAIN: they conflict with what others did. ENOSPC: too many
 * nodes. ENOMEM. */
int transaction_end(struct transaction *transaction, bool commit);
void transaction_end_all(struct connection *conn);

#endif
