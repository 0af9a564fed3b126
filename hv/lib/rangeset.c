/* SPDX-License-Identifier: MIT */
/* A sorted array of disjoint ranges that do not touch each other; it is replaced by a larger one when it is
 * full. */
#include "hv/lib/rangeset.h"
#include "hv/lib/errno.h"
#include "hv/lib/spinlock.h"
#include "hv/lib/string.h"
#include "hv/mm/heap.h"

struct range {
    uint64_t first, last;
};

struct rangeset {
    struct spinlock lock;
    unsigned int count, capacity;
    struct range *ranges;
};

#define RANGES_FIRST 8 /* capacity of the first array */

struct rangeset *rangeset_create(void)
{
    struct rangeset *r = hv_zalloc(sizeof(*r));

    if (r)
        spin_lock_init(&r->lock, LOCK_RANGESET);
    return r;
}

void rangeset_destroy(struct rangeset *r)
{
    if (!r)
        return;
    hv_free(r->ranges);
    hv_free(r);
}

/* Index of the first range that ends at or above x. */
static unsigned int find(const struct rangeset *r, uint64_t x)
{
    unsigned int lo = 0, hi = r->count;

    while (lo < hi) {
        unsigned int mid = (lo + hi) / 2;

        if (r->ranges[mid].last < x)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

/* Room for one range more. */
static bool reserve_one(struct rangeset *r)
{
    unsigned int capacity = r->capacity ? r->capacity * 2 : RANGES_FIRST;
    struct range *bigger;

    if (r->count < r->capacity)
        return true;
    bigger = hv_zalloc_array(capacity, sizeof(*bigger));
    if (!bigger)
        return false;
    if (r->count)
        memcpy(bigger, r->ranges, r->count * sizeof(*bigger));
    hv_free(r->ranges);
    r->ranges = bigger;
    r->capacity = capacity;
    return true;
}

/* Replace the ranges [i, j) by the n given ones; there is room. */
static void splice(struct rangeset *r, unsigned int i, unsigned int j, const struct range *new_ranges,
                   unsigned int n)
{
    memmove(&r->ranges[i + n], &r->ranges[j], (r->count - j) * sizeof(struct range));
    if (n)
        memcpy(&r->ranges[i], new_ranges, n * sizeof(struct range));
    r->count = r->count - (j - i) + n;
}

int rangeset_add(struct rangeset *r, uint64_t first, uint64_t last)
{
    struct range merged = { first, last };
    unsigned int i, j;

    if (!r || first > last)
        return -EINVAL;
    spin_lock(&r->lock);
    if (!reserve_one(r)) {
        spin_unlock(&r->lock);
        return -ENOMEM;
    }
    i = find(r, first ? first - 1 : 0); /* a range that ends just below is joined */
    for (j = i; j < r->count && (last == UINT64_MAX || r->ranges[j].first <= last + 1); j++) {
        merged.first = min(merged.first, r->ranges[j].first);
        merged.last = max(merged.last, r->ranges[j].last);
    }
    splice(r, i, j, &merged, 1);
    spin_unlock(&r->lock);
    return 0;
}

int rangeset_remove(struct rangeset *r, uint64_t first, uint64_t last)
{
    struct range rest[2];
    unsigned int i, j, n = 0;

    if (!r || first > last)
        return -EINVAL;
    spin_lock(&r->lock);
    if (!reserve_one(r)) {
        spin_unlock(&r->lock);
        return -ENOMEM;
    }
    i = find(r, first);
    for (j = i; j < r->count && r->ranges[j].first <= last; j++) {
        if (r->ranges[j].first < first)
            rest[n++] = (struct range){ r->ranges[j].first, first - 1 };
        if (r->ranges[j].last > last)
            rest[n++] = (struct range){ last + 1, r->ranges[j].last };
    }
    splice(r, i, j, rest, n);
    spin_unlock(&r->lock);
    return 0;
}

bool rangeset_is_empty(const struct rangeset *r)
{
    return !r || READ_ONCE(r->count) == 0;
}

bool rangeset_contains(struct rangeset *r, uint64_t first, uint64_t last)
{
    unsigned int i;
    bool in;

    if (rangeset_is_empty(r) || first > last)
        return false;
    spin_lock(&r->lock);
    i = find(r, first);
    in = i < r->count && r->ranges[i].first <= first && r->ranges[i].last >= last;
    spin_unlock(&r->lock);
    return in;
}

bool rangeset_next(struct rangeset *r, uint64_t from, uint64_t *first, uint64_t *last)
{
    unsigned int i;
    bool found;

    if (!r)
        return false;
    spin_lock(&r->lock);
    i = find(r, from);
    found = i < r->count;
    if (found) {
        *first = max(from, r->ranges[i].first);
        *last = r->ranges[i].last;
    }
    spin_unlock(&r->lock);
    return found;
}
