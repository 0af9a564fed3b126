/* SPDX-License-Identifier: MIT */
#include "pvguest/buddy.h"
#include <string.h>

/* State of a page: INNER for pages that are reserved or inside a block, KEPT for those that are not joined
 * yet, otherwise what the block at it is. */
#define STATE_INNER     0x00
#define STATE_FREE      0x80
#define STATE_ALLOCATED 0x40
#define STATE_KEPT      0xc0

/* Pages that may be free without being joined: most are soon allocated again, and then were split in vain. */
#define KEPT_MOST 256

void buddy_init(struct buddy *buddy, void *base, uint8_t *state, size_t nr_pages)
{
    *buddy = (struct buddy){ .base = base, .state = state, .nr_pages = nr_pages };
}

static struct buddy_block *block_at(const struct buddy *buddy, size_t page)
{
    return (struct buddy_block *)(buddy->base + page * BUDDY_PAGE_SIZE);
}

static size_t page_of(const struct buddy *buddy, const void *block)
{
    return (size_t)((const uint8_t *)block - buddy->base) / BUDDY_PAGE_SIZE;
}

static void push(struct buddy *buddy, size_t page, unsigned int order)
{
    struct buddy_block *block = block_at(buddy, page);

    block->next = buddy->free[order];
    block->link = &buddy->free[order];
    if (block->next)
        block->next->link = &block->next;
    buddy->free[order] = block;
    buddy->state[page] = (uint8_t)(STATE_FREE | order);
}

static void unlink(struct buddy *buddy, struct buddy_block *block)
{
    *block->link = block->next;
    if (block->next)
        block->next->link = block->link;
    buddy->state[page_of(buddy, block)] = STATE_INNER;
}

/* Frees a block and joins it with its free buddies, order by order. */
static void release(struct buddy *buddy, size_t page, unsigned int order)
{
    while (order < BUDDY_ORDERS - 1) {
        size_t other = page ^ ((size_t)1 << order);

        if (other >= buddy->limit || buddy->state[other] != (STATE_FREE | order))
            break;
        unlink(buddy, block_at(buddy, other));
        page &= ~((size_t)1 << order);
        order++;
    }
    push(buddy, page, order);
}

void buddy_add(struct buddy *buddy, size_t first, size_t count)
{
    size_t end = first + count;

    for (size_t page = buddy->limit; page < end; page++)
        buddy->state[page] = STATE_INNER;
    buddy->limit = end;
    while (first < end) {
        unsigned int order = 0;

        while (order < BUDDY_ORDERS - 1 && !(first & ((size_t)1 << order)) &&
               first + ((size_t)2 << order) <= end)
            order++;
        release(buddy, first, order);
        buddy->free_pages += (size_t)1 << order;
        first += (size_t)1 << order;
    }
}

void buddy_add_allocated(struct buddy *buddy, size_t first, size_t count)
{
    memset(buddy->state + buddy->limit, STATE_INNER, first - buddy->limit);
    memset(buddy->state + first, STATE_ALLOCATED, count);
    buddy->limit = first + count;
}

void buddy_move_state(struct buddy *buddy, uint8_t *state, size_t nr_pages)
{
    memcpy(state, buddy->state, buddy->limit);
    buddy->state = state;
    buddy->nr_pages = nr_pages;
}

static struct buddy_block *take_kept(struct buddy *buddy)
{
    struct buddy_block *block = buddy->kept;

    buddy->kept = block->next;
    buddy->nr_kept--;
    return block;
}

static void join_kept(struct buddy *buddy)
{
    while (buddy->kept) {
        size_t page = page_of(buddy, take_kept(buddy));

        buddy->state[page] = STATE_INNER;
        release(buddy, page, 0);
    }
}

/* The smallest order that there is a free block of, from `order` on; BUDDY_ORDERS: none. */
static unsigned int find_order(const struct buddy *buddy, unsigned int order)
{
    while (order < BUDDY_ORDERS && !buddy->free[order])
        order++;
    return order;
}

void *buddy_alloc(struct buddy *buddy, unsigned int order)
{
    struct buddy_block *block;
    unsigned int have;
    size_t page;

    if (order == 0 && buddy->kept) {
        block = take_kept(buddy);
        buddy->state[page_of(buddy, block)] = STATE_ALLOCATED;
        buddy->free_pages--;
        return block;
    }
    have = find_order(buddy, order);
    if (have >= BUDDY_ORDERS) {
        join_kept(buddy);
        have = find_order(buddy, order);
    }
    if (have >= BUDDY_ORDERS)
        return NULL;
    block = buddy->free[have];
    page = page_of(buddy, block);
    unlink(buddy, block);
    while (have > order) {
        have--;
        push(buddy, page + ((size_t)1 << have), have);
    }
    buddy->state[page] = (uint8_t)(STATE_ALLOCATED | order);
    buddy->free_pages -= (size_t)1 << order;
    return block;
}

void buddy_split(struct buddy *buddy, void *block, unsigned int order)
{
    size_t page = page_of(buddy, block);

    for (size_t i = 0; i < (size_t)1 << order; i++)
        buddy->state[page + i] = STATE_ALLOCATED;
}

bool buddy_free(struct buddy *buddy, void *block, unsigned int order)
{
    size_t offset = (size_t)((uint8_t *)block - buddy->base);
    size_t page = offset / BUDDY_PAGE_SIZE;

    if (offset % BUDDY_PAGE_SIZE || page >= buddy->limit || buddy->state[page] != (STATE_ALLOCATED | order))
        return false;
    buddy->free_pages += (size_t)1 << order;
    if (order == 0 && buddy->nr_kept < KEPT_MOST) {
        buddy->state[page] = STATE_KEPT;
        ((struct buddy_block *)block)->next = buddy->kept;
        buddy->kept = block;
        buddy->nr_kept++;
        return true;
    }
    buddy->state[page] = STATE_INNER;
    release(buddy, page, order);
    return true;
}
