/* SPDX-License-Identifier: MIT */
/*
 * A buddy allocator over one linear range of pages. Pure bookkeeping: it takes no lock and makes no
 * hypercall. Links of free blocks live in the free pages themselves, so every page given to it must be mapped
 * and writable; beside them it needs one byte of state a page, which is initialised only as pages are added.
 */
#ifndef PVGUEST_BUDDY_H
#define PVGUEST_BUDDY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BUDDY_ORDERS    19 /* orders 0..18: 4 KiB to 1 GiB */
#define BUDDY_PAGE_SIZE 4096UL

struct buddy_block {
    struct buddy_block *next;
    struct buddy_block **link; /* what points here */
};

struct buddy {
    uint8_t *base;  /* address of page 0 */
    uint8_t *state; /* one byte a page; valid below `limit` */
    size_t limit;   /* pages below this number were added or are reserved */
    size_t nr_pages;
    size_t free_pages;
    struct buddy_block *free[BUDDY_ORDERS];
    struct buddy_block *kept; /* single pages, not joined yet: the next to be allocated */
    unsigned int nr_kept;
};

/* base: address of page 0; state: nr_pages bytes, need not be cleared. No page is free yet. */
void buddy_init(struct buddy *buddy, void *base, uint8_t *state, size_t nr_pages);

/* Makes pages [first, first + count) free. Pages are added in ascending order, skipped ones stay reserved. */
void buddy_add(struct buddy *buddy, size_t first, size_t count);

/* Makes pages [first, first + count), behind all that were added, allocated blocks of one page: whoever has
 * something to put there gives them back. */
void buddy_add_allocated(struct buddy *buddy, size_t first, size_t count);

/* Keeps the state of pages, copied, in another array of nr_pages bytes. */
void buddy_move_state(struct buddy *buddy, uint8_t *state, size_t nr_pages);

/* 2^order contiguous pages, aligned to their size counted from page 0, contents undefined; NULL when there
 * are none. */
void *buddy_alloc(struct buddy *buddy, unsigned int order);

/* Makes an allocated block 2^order allocated blocks of one page, which are given back one by one. */
void buddy_split(struct buddy *buddy, void *block, unsigned int order);

/* Gives a block back. Returns false, and does nothing, if no block of that order was allocated at that
 * address. */
bool buddy_free(struct buddy *buddy, void *block, unsigned int order);

#endif
