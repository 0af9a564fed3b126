/* SPDX-License-Identifier: MIT */
/* Watches: who is told of changes. */
#ifndef DOM0_XENSTORED_WATCH_H
#define DOM0_XENSTORED_WATCH_H

#include "dom0_tools/xenstored/xenstored.h"

struct watch {
    LIST_ENTRY(watch) on_node;
    LIST_ENTRY(watch) of_connection;
    struct connection *connection;
    struct node *node;
    struct message_list events; /* that wait */
    bool relative;              /* the client named the path relative to its own */
    char token[];
};

/* Registers, and fires once. EEXIST; E2BIG (too many), ENOSPC (too deep), ENOMEM. */
int watch_add(struct connection *conn, const struct path *path, bool relative, const char *token);
/* ENOENT. */
int watch_remove(struct connection *conn, const struct path *path, const char *token);
void watch_remove_all(struct connection *conn);

/*
 * The existing node has changed because of `cause` (NULL: nobody). Tells those who watch it or one above and
 * may read it, its parent, or could read it with its `old` permissions (NULL: they did not change).
 */
void watch_fire(struct connection *cause, struct node *node, const struct permissions *old);
/* Removes node and all below, telling those who watch any of them. */
void watch_fire_remove(struct xenstored *xs, struct connection *cause, struct node *node);
/* "@introduceDomain", "@releaseDomain" */
void watch_fire_special(struct xenstored *xs, const char *name);

#endif
