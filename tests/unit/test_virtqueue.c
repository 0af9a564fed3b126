/* SPDX-License-Identifier: MIT */
/* Virtqueues against a device that behaves, and against one that does not. */
/* unit-sources: dom0_tools/drivers/virtqueue.c */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "dom0_tools/drivers/virtqueue.h"

#define SIZE 8

struct desc {
    uint64_t address;
    uint32_t length;
    uint16_t flags, next;
};

static struct virtqueue queue;
static struct virtqueue_page pages[VIRTQUEUE_PAGES];
static struct desc *desc;
static uint16_t *avail, *used;

static void setup(bool event_idx, bool indirect)
{
    for (unsigned i = 0; i < VIRTQUEUE_PAGES; i++) {
        pages[i].virt = aligned_alloc(4096, 4096);
        memset(pages[i].virt, 0, 4096);
        pages[i].bus = (uintptr_t)pages[i].virt;
    }
    virtqueue_init(&queue, SIZE, pages, event_idx, indirect);
    desc = pages[0].virt;
    avail = pages[1].virt;
    used = pages[2].virt;
}

static void teardown(void)
{
    for (unsigned i = 0; i < VIRTQUEUE_PAGES; i++)
        free(pages[i].virt);
}

/* The device's side: the head that it would take next, and a buffer that it returns. */
static uint16_t head_of(uint16_t index)
{
    return avail[2 + index % SIZE];
}

static void use(uint32_t id, uint32_t length)
{
    uint32_t *element = (uint32_t *)&used[2 + 4 * (used[1] % SIZE)];

    element[0] = id;
    element[1] = length;
    used[1]++;
}

static const struct virtio_segment three[] = { { 0x1000, 16 }, { 0x2000, 512 }, { 0x3000, 1 } };

Test(virtqueue, chain)
{
    uint32_t written;
    int cookie;

    setup(false, false);
    cr_assert(virtqueue_add(&queue, three, 1, 2, &cookie));
    cr_assert_eq(avail[1], 1);
    cr_assert_eq(desc[head_of(0)].length, 16);
    cr_assert_eq(desc[desc[head_of(0)].next].flags, 1 | 2);
    cr_assert(virtqueue_must_notify(&queue));
    cr_assert(!virtqueue_must_notify(&queue));
    cr_assert_null(virtqueue_take(&queue, &written));
    use(head_of(0), 513);
    cr_assert_eq(virtqueue_take(&queue, &written), &cookie);
    cr_assert_eq(written, 513);
    cr_assert_null(queue.broken);
    cr_assert_eq(queue.nr_free, SIZE);
    teardown();
}

Test(virtqueue, indirect_takes_one_descriptor)
{
    int cookie;
    const struct desc *table;

    setup(false, true);
    for (int i = 0; i < SIZE; i++)
        cr_assert(virtqueue_add(&queue, three, 1, 2, &cookie));
    cr_assert(!virtqueue_add(&queue, three, 1, 2, &cookie));
    table = (const struct desc *)(uintptr_t)desc[head_of(3)].address;
    cr_assert_eq(desc[head_of(3)].flags, 4);
    cr_assert_eq(desc[head_of(3)].length, 48);
    cr_assert_eq(table[1].address, 0x2000);
    cr_assert_eq(table[2].flags, 2);
    teardown();
}

Test(virtqueue, full_chain_is_refused_and_changes_nothing)
{
    int cookie;

    setup(false, false);
    cr_assert(virtqueue_add(&queue, three, 1, 2, &cookie));
    cr_assert(virtqueue_add(&queue, three, 1, 2, &cookie));
    cr_assert(!virtqueue_add(&queue, three, 1, 2, &cookie));
    cr_assert_eq(avail[1], 2);
    cr_assert_eq(queue.nr_free, 2);
    teardown();
}

Test(virtqueue, event_index)
{
    int cookie;

    setup(true, true);
    used[2 + 4 * SIZE] = 5; /* the device wants to know of buffer 5 */
    for (int i = 0; i < 5; i++)
        cr_assert(virtqueue_add(&queue, three, 1, 2, &cookie));
    cr_assert(!virtqueue_must_notify(&queue));
    cr_assert(virtqueue_add(&queue, three, 1, 2, &cookie));
    cr_assert(virtqueue_must_notify(&queue));
    use(head_of(0), 0);
    cr_assert(!virtqueue_arm(&queue));
    teardown();
}

static void expect_broken(uint32_t id, uint32_t length)
{
    uint32_t written;
    int cookie;

    setup(false, true);
    cr_assert(virtqueue_add(&queue, three, 1, 2, &cookie));
    use(id == UINT32_MAX - 1 ? head_of(0) : id, length);
    cr_assert_null(virtqueue_take(&queue, &written));
    cr_assert_not_null(queue.broken);
    cr_assert(!virtqueue_add(&queue, three, 1, 2, &cookie));
    cr_assert_eq(virtqueue_drain(&queue), &cookie);
    cr_assert_null(virtqueue_drain(&queue));
    teardown();
}

Test(virtqueue, id_out_of_range)
{
    expect_broken(SIZE, 0);
}

Test(virtqueue, id_not_outstanding)
{
    expect_broken(SIZE - 1, 0);
}

Test(virtqueue, length_beyond_the_buffer)
{
    expect_broken(UINT32_MAX - 1, 514);
}

Test(virtqueue, returned_twice)
{
    uint32_t written;
    int cookie;

    setup(false, true);
    cr_assert(virtqueue_add(&queue, three, 1, 2, &cookie));
    use(head_of(0), 0);
    use(head_of(0), 0);
    cr_assert_eq(virtqueue_take(&queue, &written), &cookie);
    cr_assert_null(virtqueue_take(&queue, &written));
    cr_assert_not_null(queue.broken);
    teardown();
}

Test(virtqueue, index_runs_ahead)
{
    uint32_t written;

    setup(false, true);
    used[1] = SIZE + 1;
    cr_assert_null(virtqueue_take(&queue, &written));
    cr_assert_not_null(queue.broken);
    teardown();
}

/* Buffers of random shapes, returned in random order: every cookie comes back once, nothing is lost. */
Test(virtqueue, random_order)
{
    static int cookies[SIZE];
    bool out[SIZE] = { false };
    uint16_t heads[SIZE];
    uint32_t written;
    unsigned seed = 3;

    setup(true, false);
    for (int step = 0; step < 20000; step++) {
        unsigned i = (unsigned)rand_r(&seed) % SIZE;

        if (!out[i]) {
            if (virtqueue_add(&queue, three, 1, (unsigned)rand_r(&seed) % 3, &cookies[i])) {
                heads[i] = head_of((uint16_t)(avail[1] - 1));
                out[i] = true;
            }
        } else {
            use(heads[i], 0);
            cr_assert_eq(virtqueue_take(&queue, &written), &cookies[i]);
            out[i] = false;
        }
    }
    cr_assert_null(queue.broken);
    teardown();
}
