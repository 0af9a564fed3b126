/* SPDX-License-Identifier: MIT */
/* Circular doubly linked list with an embedded node. Not synchronised: the caller's lock protects it. */
#ifndef HV_LIB_LIST_H
#define HV_LIB_LIST_H

#include "hv/lib/types.h"

struct list {
    struct list *next, *prev;
};

#define LIST_INIT(name)  \
    {                    \
        &(name), &(name) \
    }

static inline void list_init(struct list *l)
{
    l->next = l->prev = l;
}

static inline bool list_empty(const struct list *l)
{
    return l->next == l;
}

static inline void list_insert_between(struct list *node, struct list *prev, struct list *next)
{
    next->prev = node;
    node->next = next;
    node->prev = prev;
    prev->next = node;
}

/* Insert at the head / at the tail of list `l`. */
static inline void list_add(struct list *node, struct list *l)
{
    list_insert_between(node, l, l->next);
}

static inline void list_add_tail(struct list *node, struct list *l)
{
    list_insert_between(node, l->prev, l);
}

/* Unlink; the node is left initialised, so a second unlink is harmless. */
static inline void list_del(struct list *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    list_init(node);
}

#define list_entry(node, type, member)    container_of(node, type, member)
#define list_first_entry(l, type, member) container_of((l)->next, type, member)
#define list_for_each(pos, l, member)                                                        \
    for ((pos) = container_of((l)->next, __typeof__(*(pos)), member); &(pos)->member != (l); \
         (pos) = container_of((pos)->member.next, __typeof__(*(pos)), member))
#define list_for_each_safe(pos, tmp, l, member)                               \
    for ((pos) = container_of((l)->next, __typeof__(*(pos)), member),         \
        (tmp) = container_of((pos)->member.next, __typeof__(*(pos)), member); \
         &(pos)->member != (l);                                               \
         (pos) = (tmp), (tmp) = container_of((tmp)->member.next, __typeof__(*(tmp)), member))

#endif
