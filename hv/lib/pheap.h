/* SPDX-License-Identifier: MIT */
/*
 * Pairing heap with embedded nodes, smallest key first: O(1) insert and minimum, O(log n) amortised removal
 * of any node, no memory of its own. (Fredman, Sedgewick, Sleator, Tarjan: "The pairing heap", 1986.) Not
 * synchronised.
 */
#ifndef HV_LIB_PHEAP_H
#define HV_LIB_PHEAP_H

#include "hv/lib/types.h"

struct pheap_node {
    uint64_t key;
    struct pheap_node *child; /* first child */
    struct pheap_node *next;  /* next sibling */
    struct pheap_node *prev;  /* previous sibling, or the parent of a first child; NULL for the root */
};

struct pheap {
    struct pheap_node *root;
};

static inline struct pheap_node *pheap_min(const struct pheap *h)
{
    return h->root;
}

/* Any order over all nodes, beginning with pheap_min(): the node after n, NULL at the end. */
struct pheap_node *pheap_next(const struct pheap_node *n);

/* Insert with n->key set. @pre n is in no heap. */
void pheap_insert(struct pheap *h, struct pheap_node *n);
/* Remove a node. @pre n is in h. */
void pheap_remove(struct pheap *h, struct pheap_node *n);

#endif
