/* SPDX-License-Identifier: MIT */
/*
 * What a domain's kernel sees at which address, by its page tables: frames, as runs of pages. A frame has the
 * number that the tables have for it: the machine's in a PV domain, the domain's own in a hardware guest.
 */
#ifndef DOM0_COREDUMP_PAGE_WALK_H
#define DOM0_COREDUMP_PAGE_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <xen/xen.h>

/* How addresses are translated. */
enum paging {
    PAGING_PV, /* 4 levels, and some slots of the highest are the hypervisor's */
    PAGING_5_LEVELS,
    PAGING_4_LEVELS,
    PAGING_PAE, /* 3 levels; the highest table is 32 bytes anywhere in a page */
    PAGING_32,  /* 2 levels of 4-byte entries */
    PAGING_NONE /* not at all */
};

/* `count` pages from address va on show `count` frames from mfn on. */
struct mapping {
    uint64_t va, mfn, count;
};

struct page_walk {
    domid_t domid;
    enum paging paging;
    struct mapping *mapping; /* by rising address */
    size_t nr, room;
    uint64_t pages;  /* in all mappings */
    uint64_t last;   /* frame of the page that was met last */
    uint64_t tables; /* that may still be looked at: tables may refer to each other in any way */
};

/* Walks the tables below the one at address `root` of the frames (what CR3 holds); the domain is paused. One
 * frame that is mapped at many addresses in a row, as Linux stands it for what is not there, is taken at the
 * first only. False: no memory, or the tables are a maze. page_walk_free() in either case. */
bool page_walk(struct page_walk *walk, domid_t domid, enum paging paging, uint64_t root,
               uint64_t domain_pages);
void page_walk_free(struct page_walk *walk);

#endif
