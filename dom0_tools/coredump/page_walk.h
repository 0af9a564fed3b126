/* SPDX-License-Identifier: MIT */
/* What a PV domain's kernel sees at which address, by its page tables: machine frames, as runs of pages. */
#ifndef DOM0_COREDUMP_PAGE_WALK_H
#define DOM0_COREDUMP_PAGE_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <xen/xen.h>

/* `count` pages from address va on show `count` machine frames from mfn on. */
struct mapping {
    uint64_t va, mfn, count;
};

struct page_walk {
    domid_t domid;
    struct mapping *mapping; /* by rising address */
    size_t nr, room;
    uint64_t pages;  /* in all mappings */
    uint64_t last;   /* frame of the page that was met last */
    uint64_t tables; /* that may still be looked at: tables may refer to each other in any way */
};

/* Walks the tables below the L4 table in this frame; the domain is paused. One frame that is mapped at many
 * addresses in a row, as Linux stands it for what is not there, is taken at the first only. False: no memory,
 * or the tables are a maze. page_walk_free() in either case. */
bool page_walk(struct page_walk *walk, domid_t domid, uint64_t l4_mfn, uint64_t domain_pages);
void page_walk_free(struct page_walk *walk);

#endif
