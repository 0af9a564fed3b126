/* SPDX-License-Identifier: MIT */
/* The console daemon's pure parts: what is kept of a domain's output, and rings that lie. */
/* unit-sources: dom0_tools/consoled/scrollback.c dom0_tools/consoled/console_ring.c */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "dom0_tools/consoled/console_ring.h"
#include "dom0_tools/consoled/scrollback.h"

static struct scrollback_pool pool;
static struct scrollback kept;

static void setup(void)
{
    pool = (struct scrollback_pool){ .limit = 1 << 20 };
    kept = (struct scrollback){ 0 };
}

static void teardown(void)
{
    scrollback_free(&kept, &pool);
    cr_expect_eq(pool.used, 0);
}

/* Byte number n of an endless output. */
static char byte(uint64_t n)
{
    return (char)(n * 7 + n / 251);
}

static void add(size_t length)
{
    char *data = malloc(length);

    for (size_t i = 0; i < length; i++)
        data[i] = byte(kept.end + i);
    scrollback_add(&kept, &pool, data, length);
    free(data);
}

/* Reads all from number `at` on in pieces and compares. */
static void check(uint64_t at, uint64_t expected_lost)
{
    char data[1000];
    uint64_t lost, from = at;
    size_t got;

    while ((got = scrollback_read(&kept, &at, data, sizeof(data), &lost)) != 0) {
        cr_assert_eq(lost, expected_lost, "lost %lu, expected %lu", (unsigned long)lost,
                     (unsigned long)expected_lost);
        from += lost;
        expected_lost = 0;
        for (size_t i = 0; i < got; i++)
            cr_assert_eq(data[i], byte(from + i), "byte %lu", (unsigned long)(from + i));
        from += got;
        cr_assert_eq(at, from);
    }
    cr_assert_eq(at, kept.end);
}

TestSuite(scrollback, .init = setup, .fini = teardown);

Test(scrollback, is_free_while_idle)
{
    cr_expect_null(kept.data);
    cr_expect_eq(pool.used, 0);
    check(0, 0);
}

Test(scrollback, keeps_the_first_byte_until_the_quota)
{
    for (size_t length = 1; kept.end + length <= SCROLLBACK_QUOTA; length = length * 3 % 2049)
        add(length);
    check(0, 0);
    cr_expect_leq(pool.used, SCROLLBACK_QUOTA);
}

Test(scrollback, drops_the_oldest_beyond)
{
    for (int i = 0; i < 100; i++)
        add(1777);
    cr_expect_eq(kept.end - kept.start, SCROLLBACK_QUOTA);
    check(0, 177700 - SCROLLBACK_QUOTA);
    check(170000, 0);
}

Test(scrollback, one_piece_larger_than_all)
{
    add(3 * SCROLLBACK_QUOTA + 11);
    check(0, 2 * SCROLLBACK_QUOTA + 11);
}

Test(scrollback, without_memory)
{
    pool.limit = 0;
    add(100);
    cr_expect_null(kept.data);
    check(0, 0);
    cr_expect_eq(kept.start, 100);
    pool.limit = 2 * SCROLLBACK_FIRST;
    add(5 * SCROLLBACK_FIRST);
    cr_expect_eq(pool.used, 2 * SCROLLBACK_FIRST);
    check(0, 100 + 3 * SCROLLBACK_FIRST);
}

Test(console_ring, take_and_give)
{
    static struct xencons_interface ring;
    char data[4096];

    memcpy(ring.out, "hello", 5);
    ring.out_prod = 5;
    cr_expect_eq(console_ring_take(&ring, data, 3), 3);
    cr_expect_eq(console_ring_take(&ring, data + 3, sizeof(data)), 2);
    cr_expect_arr_eq(data, "hello", 5);
    cr_expect_eq(console_ring_take(&ring, data, sizeof(data)), 0);
    cr_expect_eq(console_ring_give(&ring, data, sizeof(data)), sizeof(ring.in));
    cr_expect_eq(console_ring_give(&ring, data, 1), 0);
    ring.in_cons = 10;
    cr_expect_eq(console_ring_give(&ring, data, 100), 10);
}

Test(console_ring, wraps)
{
    static struct xencons_interface ring;
    char data[4096];

    ring.out_cons = UINT32_MAX - 9;
    for (uint32_t i = 0; i < 20; i++)
        ring.out[MASK_XENCONS_IDX(ring.out_cons + i, ring.out)] = (char)('a' + i);
    ring.out_prod = ring.out_cons + 20;
    cr_expect_eq(console_ring_take(&ring, data, sizeof(data)), 20);
    cr_expect_arr_eq(data, "abcdefghijklmnopqrst", 20);
}

Test(console_ring, indices_that_lie)
{
    static struct xencons_interface ring;
    char data[4096];

    ring.out_prod = sizeof(ring.out) + 1;
    cr_expect_eq(console_ring_take(&ring, data, sizeof(data)), 0);
    cr_expect_eq(ring.out_cons, ring.out_prod);
    ring.out_prod += sizeof(ring.out);
    cr_expect_eq(console_ring_take(&ring, data, sizeof(data)), sizeof(ring.out));
    ring.in_cons = 5;
    cr_expect_eq(console_ring_give(&ring, data, sizeof(data)), 0);
    ring.in_cons = ring.in_prod - sizeof(ring.in) - 1;
    cr_expect_eq(console_ring_give(&ring, data, sizeof(data)), 0);
}
