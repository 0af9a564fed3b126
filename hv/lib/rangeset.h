/* SPDX-License-Identifier: MIT */
/*
 * Set of numbers kept as disjoint ranges: I/O ports, I/O memory frames and interrupts that a domain may use.
 * Ranges are inclusive, so that ~0 can be a member. Every function may be called with a NULL set, which is
 * empty. Lock: LOCK_RANGESET, inside.
 */
#ifndef HV_LIB_RANGESET_H
#define HV_LIB_RANGESET_H

#include "hv/lib/types.h"

struct rangeset;

struct rangeset *rangeset_create(void); /* an empty set, NULL without memory */
void rangeset_destroy(struct rangeset *r);

/* Add or remove [first, last]. 0, -EINVAL (first > last), -ENOMEM; nothing changed on error. */
int __must_check rangeset_add(struct rangeset *r, uint64_t first, uint64_t last);
int __must_check rangeset_remove(struct rangeset *r, uint64_t first, uint64_t last);

bool rangeset_is_empty(const struct rangeset *r);
/* Whether all of [first, last] is in the set. */
bool rangeset_contains(struct rangeset *r, uint64_t first, uint64_t last);
/* The lowest range with members at or above `from`, cut to begin there; false when there is none. */
bool rangeset_next(struct rangeset *r, uint64_t from, uint64_t *first, uint64_t *last);

#endif
