/* SPDX-License-Identifier: MIT */
/* The pages of a dump in the order of their page frame numbers, and where each stands. Pure logic. */
#ifndef DOM0_COREDUMP_PAGE_LIST_H
#define DOM0_COREDUMP_PAGE_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dom0_tools/coredump/page_walk.h"

struct dump_page {
    uint64_t pfn, mfn; /* of a hardware guest both are the domain's own number */
};

/* Pages whose frames follow each other as they do. */
struct page_extent {
    uint64_t mfn, count;
    size_t place; /* of the first page in the list */
};

struct page_list {
    struct dump_page *page; /* by rising pfn */
    size_t nr, room;
    struct page_extent *extent; /* by rising mfn */
    size_t nr_extents;
};

/* A part of the address space whose pages follow each other in the dump too. */
struct dump_segment {
    uint64_t va, count;
    size_t place; /* of the first page in the list */
};

/* An empty list with room for so many pages. False: no memory. page_list_free() in either case. */
bool page_list_init(struct page_list *list, uint64_t room);
void page_list_free(struct page_list *list);
/* False: there is no room. */
bool page_list_add(struct page_list *list, uint64_t pfn, uint64_t mfn);
/* Adds all frames that the walk has met; pfn_of() tells a frame's number. */
bool page_list_add_walk(struct page_list *list, const struct page_walk *walk,
                        uint64_t (*pfn_of)(uint64_t mfn));
/* Sorts what was added, each frame once; before the next. False: no memory. */
bool page_list_finish(struct page_list *list);

/* Calls fn for each segment of the address space, by rising address, while it returns true. What the list has
 * not is left out. */
void page_list_segments(const struct page_list *list, const struct page_walk *walk,
                        bool (*fn)(void *arg, const struct dump_segment *segment), void *arg);

#endif
