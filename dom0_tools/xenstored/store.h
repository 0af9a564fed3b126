/* SPDX-License-Identifier: MIT */
/*
 * The tree. A node is found by one hash lookup for each component of its path, whatever the number of nodes.
 * Values and permissions are immutable and counted, so that others (transactions) may keep them.
 *
 * A watch hangs on the node that it names, also when that does not exist: such a placeholder stands in the
 * hash table like any node but in no directory. What a change concerns is found on the way from its node to
 * the root.
 *
 * Every change takes a new number from the store's counter, and the node remembers the last one of its value,
 * of its permissions (or its creation) and of its list of children.
 *
 * Nothing here locks: one thread at a time uses a store. Functions that can fail return 0 or an errno of
 * <errno.h>.
 */
#ifndef DOM0_XENSTORED_STORE_H
#define DOM0_XENSTORED_STORE_H

#include "dom0_tools/xenstored/path.h"

#include <sys/queue.h>

#define PRIVILEGED_DOMID 0
#define DOMIDS_PER_PAGE  256

struct value {
    unsigned int refs;
    uint32_t len;
    char data[];
};

#define ACCESS_READ  1u
#define ACCESS_WRITE 2u
#define ACCESS_OWNER 4u

struct permission {
    uint16_t domid;
    uint8_t access; /* ACCESS_READ, _WRITE */
};

/* entry[0]: the owner, and what domains have that are not named. */
struct permissions {
    unsigned int refs;
    unsigned int nr;
    uint64_t
        change; /* when they were given: a domain that came later under a named domid has nothing from them */
    struct permission entry[];
};

LIST_HEAD(watch_list, watch);
TAILQ_HEAD(node_list, node);

struct node {
    struct node *parent;
    struct node *hash_next;
    uint32_t hash;
    uint32_t below;            /* nodes with this as parent, placeholders too */
    struct node_list children; /* those that exist, in the order of their creation */
    TAILQ_ENTRY(node) sibling;
    LIST_ENTRY(node) owned; /* by the account of its owner */
    struct watch_list watches;
    bool exists;
    uint16_t name_len;
    uint64_t value_change, permissions_change, children_change;
    struct value *value;
    struct permissions *permissions;
    char name[];
};

/* What is known of a domid that owns nodes or is connected. Made on first need, kept for the store's life. */
struct account {
    uint16_t domid;
    uint32_t nodes, watches, transactions;
    uint64_t ended; /* the change at which the last domain of this domid was released; 0: none was */
    LIST_HEAD(, node) owned;
    struct connection *connection; /* of the introduced domain, or NULL */
};

struct store {
    struct node *root;
    struct node **bucket; /* 1 << order of them */
    unsigned int order;
    size_t nodes;    /* that exist */
    size_t entries;  /* in the hash table */
    uint64_t change; /* the last one */
    uint64_t seed;   /* of the hash, so that no client can choose names of one bucket */
    struct account **accounts[65536 / DOMIDS_PER_PAGE];
};

int store_init(struct store *store, uint64_t seed);
void store_free(struct store *store);

/* NULL: no memory. Value and permissions begin with one reference, the caller's. */
struct value *value_new(const void *data, size_t len);
struct value *value_get(struct value *value);
void value_put(struct value *value);
struct permissions *permissions_new(struct store *store, const struct permission *entry, unsigned int nr);
/* The same with another owner. */
struct permissions *permissions_with_owner(const struct permissions *from, uint16_t owner);
struct permissions *permissions_get(struct permissions *permissions);
void permissions_put(struct permissions *permissions);

/* ACCESS_* of a domain that may also act for `target` (itself if there is none). */
unsigned int permissions_of(struct store *store, const struct permissions *permissions, uint16_t domid,
                            uint16_t target);

struct account *store_account(struct store *store, uint16_t domid);

/* The node at the path, or NULL; a placeholder only for store_find_entry(). */
struct node *store_find(const struct store *store, const struct path *path);
struct node *store_find_entry(const struct store *store, const struct path *path);
/* The entry, made as a placeholder if need be; release it with store_release() when nothing was hung on it.
 */
struct node *store_entry(struct store *store, const struct path *path);
void store_release(struct store *store, struct node *node);

/* The same, kept until it is unpinned: putting a node there needs no memory. */
struct node *store_pin(struct store *store, const struct path *path);
void store_unpin(struct store *store, struct node *node);

/* Gives the node at the path this value and these permissions, creating it; its parent must exist. Each may
 * be NULL for an existing node: unchanged. Takes references of its own. 0, ENOMEM, ENOENT (parent). */
int store_put(struct store *store, const struct path *path, struct value *value,
              struct permissions *permissions);

/* Removes a node and all below; `removed` is called for each, children first, while it still exists. */
void store_remove(struct store *store, struct node *node, void (*removed)(struct node *node, void *arg),
                  void *arg);

/* Writes the node's path. */
void store_path(const struct node *node, struct path *path);

#endif
