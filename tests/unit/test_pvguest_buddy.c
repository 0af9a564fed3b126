/* SPDX-License-Identifier: MIT */
/* The page allocator's bookkeeping: alignment, joining, refusal of bad frees, nothing lost over random use.
 */
/* unit-sources: pvguest/buddy.c */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "pvguest/buddy.h"

#define PAGES 1024

static struct buddy buddy;
static uint8_t *pool;
static uint8_t state[PAGES];

static void setup(void)
{
    pool = aligned_alloc(BUDDY_PAGE_SIZE, PAGES * BUDDY_PAGE_SIZE);
    memset(state, 0xa5, sizeof(state)); /* the allocator must not trust what was there */
    buddy_init(&buddy, pool, state, PAGES);
}

static void teardown(void)
{
    free(pool);
}

TestSuite(pvguest_buddy, .init = setup, .fini = teardown);

static size_t page_of(const void *block)
{
    return (size_t)((const uint8_t *)block - pool) / BUDDY_PAGE_SIZE;
}

Test(pvguest_buddy, empty_gives_nothing)
{
    cr_expect_null(buddy_alloc(&buddy, 0));
    cr_expect_eq(buddy.free_pages, 0);
}

/* What comes behind the last page that was added is given back page by page, and joins as any other. */
Test(pvguest_buddy, grows_behind_its_end)
{
    static uint8_t larger[PAGES];

    memset(larger, 0xa5, sizeof(larger));
    buddy_add(&buddy, 0, 30);
    buddy_move_state(&buddy, larger, PAGES);
    memset(state, 0xa5, sizeof(state));
    buddy_add_allocated(&buddy, 32, 32);
    cr_expect_eq(buddy.free_pages, 30);
    cr_expect_null(buddy_alloc(&buddy, 5));
    cr_expect_not(buddy_free(&buddy, pool + 31 * BUDDY_PAGE_SIZE, 0), "nobody has added this page");
    for (size_t page = 32; page < 64; page++)
        cr_expect(buddy_free(&buddy, pool + page * BUDDY_PAGE_SIZE, 0));
    cr_expect_eq(buddy.free_pages, 62);
    cr_expect_eq(page_of(buddy_alloc(&buddy, 5)), 32);
}

Test(pvguest_buddy, blocks_are_aligned_and_disjoint)
{
    uint8_t used[PAGES] = { 0 };
    void *block;

    buddy_add(&buddy, 3, PAGES - 3);
    for (unsigned int order = 5; order <= 5; order--) {
        for (int i = 0; i < 4; i++) {
            block = buddy_alloc(&buddy, order);
            cr_assert_not_null(block);
            cr_expect_eq(page_of(block) % (1U << order), 0);
            for (size_t page = 0; page < 1U << order; page++) {
                cr_expect_geq(page_of(block) + page, 3);
                cr_expect_eq(used[page_of(block) + page]++, 0);
            }
        }
    }
}

Test(pvguest_buddy, freed_pages_join_again)
{
    void *pages[PAGES];

    buddy_add(&buddy, 0, PAGES / 2);
    buddy_add(&buddy, PAGES / 2, PAGES / 2);
    for (int i = 0; i < PAGES; i++)
        cr_assert_not_null(pages[i] = buddy_alloc(&buddy, 0));
    cr_expect_null(buddy_alloc(&buddy, 0));
    for (int i = 0; i < PAGES; i += 2)
        cr_expect(buddy_free(&buddy, pages[i], 0));
    cr_expect_null(buddy_alloc(&buddy, 1));
    for (int i = 1; i < PAGES; i += 2)
        cr_expect(buddy_free(&buddy, pages[i], 0));
    cr_expect_not_null(buddy_alloc(&buddy, 10));
}

Test(pvguest_buddy, skipped_pages_stay_reserved)
{
    buddy_add(&buddy, 0, 8);
    buddy_add(&buddy, 12, 4);
    cr_expect_eq(buddy.free_pages, 12);
    for (int i = 0; i < 12; i++) {
        size_t page = page_of(buddy_alloc(&buddy, 0));

        cr_expect(page < 8 || (page >= 12 && page < 16), "page %zu", page);
    }
    cr_expect_null(buddy_alloc(&buddy, 0));
    cr_expect_not(buddy_free(&buddy, pool + 9 * BUDDY_PAGE_SIZE, 0));
}

Test(pvguest_buddy, bad_frees_are_refused)
{
    uint8_t *block;

    buddy_add(&buddy, 0, PAGES);
    block = buddy_alloc(&buddy, 2);
    cr_expect_not(buddy_free(&buddy, block, 1), "wrong order");
    cr_expect_not(buddy_free(&buddy, block + BUDDY_PAGE_SIZE, 2), "inside a block");
    cr_expect_not(buddy_free(&buddy, block + 8, 2), "not a page");
    cr_expect_not(buddy_free(&buddy, pool + PAGES * BUDDY_PAGE_SIZE, 2), "outside");
    cr_expect(buddy_free(&buddy, block, 2));
    cr_expect_not(buddy_free(&buddy, block, 2), "twice");
    cr_expect_eq(buddy.free_pages, PAGES);
}

/* Single pages are not joined at once, which nobody must notice. */
Test(pvguest_buddy, freed_page_comes_next)
{
    void *a, *b;

    buddy_add(&buddy, 0, 4);
    a = buddy_alloc(&buddy, 0);
    b = buddy_alloc(&buddy, 0);
    cr_expect(buddy_free(&buddy, a, 0));
    cr_expect_not(buddy_free(&buddy, a, 0), "twice");
    cr_expect_eq(buddy.free_pages, 3);
    cr_expect_eq(buddy_alloc(&buddy, 0), a);
    cr_expect(buddy_free(&buddy, b, 0));
    cr_expect(buddy_free(&buddy, a, 0));
    cr_expect_eq(page_of(buddy_alloc(&buddy, 2)), 0);
    cr_expect_eq(buddy.free_pages, 0);
}

Test(pvguest_buddy, split_blocks_are_freed_page_by_page)
{
    uint8_t *block;

    buddy_add(&buddy, 0, PAGES);
    block = buddy_alloc(&buddy, 4);
    buddy_split(&buddy, block, 4);
    cr_expect_not(buddy_free(&buddy, block, 4));
    for (int i = 15; i >= 0; i--)
        cr_expect(buddy_free(&buddy, block + i * BUDDY_PAGE_SIZE, 0));
    cr_expect_not_null(buddy_alloc(&buddy, 10));
}

Test(pvguest_buddy, random_use_loses_nothing)
{
    struct {
        void *block;
        unsigned int order;
    } held[200] = { 0 };
    unsigned int seed = 1;
    size_t out = 0;

    buddy_add(&buddy, 0, PAGES);
    for (int step = 0; step < 20000; step++) {
        unsigned int i = (unsigned int)rand_r(&seed) % 200;

        if (held[i].block) {
            cr_assert(buddy_free(&buddy, held[i].block, held[i].order));
            out -= (size_t)1 << held[i].order;
            held[i].block = NULL;
        } else {
            held[i].order = (unsigned int)rand_r(&seed) % 6;
            held[i].block = buddy_alloc(&buddy, held[i].order);
            if (held[i].block) {
                memset(held[i].block, 0xff, BUDDY_PAGE_SIZE << held[i].order);
                out += (size_t)1 << held[i].order;
            }
        }
        cr_assert_eq(buddy.free_pages + out, PAGES);
    }
    for (int i = 0; i < 200; i++)
        if (held[i].block)
            cr_assert(buddy_free(&buddy, held[i].block, held[i].order));
    cr_expect_not_null(buddy_alloc(&buddy, 10), "everything joins again");
}
