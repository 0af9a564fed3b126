/* SPDX-License-Identifier: MIT */
/* The pages of a dump in the order of their page frame numbers, and where each stands. Pure logic. */
#ifndef DOM0_COREDUMP_PAGE_LIST_H
#define DOM0_COREDUMP_PAGE_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dom0_tools/coredump/page_walk.h"

struct dump_page {
    uint64_t pfn, mfn;
};

struct page_list {
    struct dump_page *page; /* by rising pfn */
    size_t nr;
    struct page_place {
        uint64_t mfn;
        size_t place;
    } * place; /* by rising mfn */
};

/* A part of the address space whose pages follow each other in the dump too. */
struct dump_segment {
    uint64_t va, count;
    size_t place; /* of the first page in the list */
};

/* All frames that the walk has met, each once; pfn_of() tells a frame's number. False: no memory.
 * page_list_free() in either case. */
bool page_list_make(struct page_list *list, const struct page_walk *walk, uint64_t (*pfn_of)(uint64_t mfn));
void page_list_free(struct page_list *list);

/* Calls fn for each segment of the address space, by rising address. */
void page_list_segments(const struct page_list *list, const struct page_walk *walk,
                        void (*fn)(void *arg, const struct dump_segment *segment), void *arg);

#endif
