/* SPDX-License-Identifier: MIT */
/* Sets of ranges against a plain bitmap. */
/* unit-sources: */
#include "tests/unit/fake_memory.h"
#include "hv/lib/errno.h"
#include "hv/mm/heap.h"
#include "hv/lib/rangeset.c"

static int allocations_left = -1; /* -1: no limit */

void *hv_zalloc(size_t bytes)
{
    if (allocations_left == 0)
        return NULL;
    if (allocations_left > 0)
        allocations_left--;
    return calloc(1, bytes);
}
void *hv_zalloc_array(size_t n, size_t bytes)
{
    return hv_zalloc(n * bytes);
}
void hv_free(void *p)
{
    free(p);
}

#define MEMBERS 256

static void check_same(struct rangeset *r, const bool *in)
{
    uint64_t first, last, from = 0;

    for (unsigned int i = 0; i < MEMBERS; i++)
        cr_assert_eq(rangeset_contains(r, i, i), in[i], "member %u", i);
    while (rangeset_next(r, from, &first, &last)) {
        cr_assert(first >= from && first <= last && last < MEMBERS);
        for (uint64_t i = from; i < first; i++)
            cr_assert(!in[i]);
        for (uint64_t i = first; i <= last; i++)
            cr_assert(in[i]);
        cr_assert(last + 1 == MEMBERS || !in[last + 1], "ranges that touch are one");
        from = last + 1;
    }
    for (uint64_t i = from; i < MEMBERS; i++)
        cr_assert(!in[i]);
}

Test(rangeset, random_adds_and_removes)
{
    struct rangeset *r = rangeset_create();
    bool in[MEMBERS] = { false };

    for (unsigned int n = 0; n < 5000; n++) {
        uint64_t a = fake_random(MEMBERS), b = min(a + fake_random(20), (uint64_t)MEMBERS - 1);
        bool add = fake_random(2);

        cr_assert_eq(add ? rangeset_add(r, a, b) : rangeset_remove(r, a, b), 0);
        for (uint64_t i = a; i <= b; i++)
            in[i] = add;
        check_same(r, in);
        a = fake_random(MEMBERS);
        b = min(a + fake_random(10), (uint64_t)MEMBERS - 1);
        add = true;
        for (uint64_t i = a; i <= b; i++)
            add &= in[i];
        cr_assert_eq(rangeset_contains(r, a, b), add);
    }
    rangeset_destroy(r);
}

Test(rangeset, ends_of_the_number_space)
{
    struct rangeset *r = rangeset_create();
    uint64_t first, last;

    cr_assert_eq(rangeset_add(r, 0, UINT64_MAX), 0);
    cr_assert(rangeset_contains(r, UINT64_MAX, UINT64_MAX));
    cr_assert_eq(rangeset_remove(r, 0, 0), 0);
    cr_assert_eq(rangeset_remove(r, UINT64_MAX, UINT64_MAX), 0);
    cr_assert(rangeset_next(r, 0, &first, &last));
    cr_assert(first == 1 && last == UINT64_MAX - 1);
    cr_assert_eq(rangeset_add(r, UINT64_MAX, UINT64_MAX), 0);
    cr_assert(rangeset_contains(r, 1, UINT64_MAX));
    cr_assert_not(rangeset_contains(r, 0, 1));
    rangeset_destroy(r);
}

Test(rangeset, refuses_and_stays_as_it_was)
{
    struct rangeset *r = rangeset_create();

    cr_assert_eq(rangeset_add(r, 2, 1), -EINVAL);
    cr_assert_eq(rangeset_remove(r, 2, 1), -EINVAL);
    cr_assert_eq(rangeset_add(NULL, 1, 2), -EINVAL);
    cr_assert(rangeset_is_empty(NULL));
    cr_assert_not(rangeset_contains(NULL, 0, 0));
    for (uint64_t i = 0; i < 8; i++)
        cr_assert_eq(rangeset_add(r, 4 * i, 4 * i), 0);
    allocations_left = 0;
    cr_assert_eq(rangeset_add(r, 100, 100), -ENOMEM);
    cr_assert_not(rangeset_contains(r, 100, 100));
    cr_assert(rangeset_contains(r, 28, 28));
    rangeset_destroy(r);
}
