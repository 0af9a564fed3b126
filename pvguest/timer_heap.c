/* SPDX-License-Identifier: MIT */
#include "pvguest/timer_heap.h"
#include <stddef.h>

/* Joins two heaps, each a root without siblings; either may be NULL. */
static struct timer *meld(struct timer *a, struct timer *b)
{
    if (!a || !b)
        return a ? a : b;
    if (b->deadline < a->deadline) {
        struct timer *swap = a;

        a = b;
        b = swap;
    }
    b->next = a->child;
    if (b->next)
        b->next->link = &b->next;
    b->link = &a->child;
    a->child = b;
    return a;
}

/* Joins a list of siblings: in pairs from the front, then the pairs from the back. */
static struct timer *meld_siblings(struct timer *list)
{
    struct timer *pairs = NULL;
    struct timer *heap = NULL;

    while (list) {
        struct timer *first = list;
        struct timer *second = first->next;
        struct timer *pair;

        list = second ? second->next : NULL;
        first->next = NULL;
        if (second)
            second->next = NULL;
        pair = meld(first, second);
        pair->next = pairs;
        pairs = pair;
    }
    while (pairs) {
        struct timer *pair = pairs;

        pairs = pair->next;
        pair->next = NULL;
        heap = meld(heap, pair);
    }
    return heap;
}

static void set_root(struct timer **root, struct timer *timer)
{
    *root = timer;
    if (timer) {
        timer->link = NULL;
        timer->next = NULL;
    }
}

void timer_heap_add(struct timer **root, struct timer *timer)
{
    timer->child = NULL;
    timer->next = NULL;
    timer->link = NULL;
    timer->active = true;
    set_root(root, meld(*root, timer));
}

void timer_heap_remove(struct timer **root, struct timer *timer)
{
    struct timer *children = meld_siblings(timer->child);

    timer->child = NULL;
    timer->active = false;
    if (*root == timer) {
        set_root(root, children);
        return;
    }
    *timer->link = timer->next;
    if (timer->next)
        timer->next->link = timer->link;
    set_root(root, meld(*root, children));
}
