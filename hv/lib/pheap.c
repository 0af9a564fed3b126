/* SPDX-License-Identifier: MIT */
#include "hv/lib/pheap.h"

/* Make the root with the larger key the first child of the other. Either may be NULL. */
static struct pheap_node *meld(struct pheap_node *a, struct pheap_node *b)
{
    if (!a || !b)
        return a ? a : b;
    if (b->key < a->key) {
        struct pheap_node *t = a;

        a = b;
        b = t;
    }
    b->prev = a;
    b->next = a->child;
    if (a->child)
        a->child->prev = b;
    a->child = b;
    a->next = NULL;
    a->prev = NULL;
    return a;
}

/* Two passes over a list of siblings: meld pairs from left to right, then all of them from right to left. */
static struct pheap_node *meld_siblings(struct pheap_node *first)
{
    struct pheap_node *pairs = NULL, *root = NULL;

    while (first) {
        struct pheap_node *a = first, *b = first->next;

        first = b ? b->next : NULL;
        a->next = a->prev = NULL;
        if (b)
            b->next = b->prev = NULL;
        a = meld(a, b);
        a->next = pairs;
        pairs = a;
    }
    while (pairs) {
        struct pheap_node *rest = pairs->next;

        pairs->next = NULL;
        root = meld(root, pairs);
        pairs = rest;
    }
    return root;
}

void pheap_insert(struct pheap *h, struct pheap_node *n)
{
    n->child = n->next = n->prev = NULL;
    h->root = meld(h->root, n);
}

void pheap_remove(struct pheap *h, struct pheap_node *n)
{
    struct pheap_node *subtree = meld_siblings(n->child);

    if (h->root == n) {
        h->root = subtree;
    } else {
        if (n->prev->child == n)
            n->prev->child = n->next;
        else
            n->prev->next = n->next;
        if (n->next)
            n->next->prev = n->prev;
        h->root = meld(h->root, subtree);
    }
    n->child = n->next = n->prev = NULL;
}

/* Pre-order: children, then siblings, then the siblings of the nearest ancestor that has some. */
struct pheap_node *pheap_next(const struct pheap_node *n)
{
    if (n->child)
        return n->child;
    while (n) {
        if (n->next)
            return n->next;
        while (n->prev && n->prev->child != n)
            n = n->prev;
        n = n->prev;
    }
    return NULL;
}
