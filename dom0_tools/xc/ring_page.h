/* SPDX-License-Identifier: MIT */
/* The page of a ring that a domain's builder made for a service: its xenstore or console ring. */
#ifndef DOM0_XC_RING_PAGE_H
#define DOM0_XC_RING_PAGE_H

#include <stdint.h>
#include <xen/xen.h>
#include "pvguest/grant_table.h"

struct ring_page {
    void *addr;                 /* NULL: not mapped */
    struct grant_mapping grant; /* count 0: a foreign mapping */
};

/* Maps it by the grant that every builder makes (ref: GNTTAB_RESERVED_*), or by its frame (of a PV domain's
 * machine frames, of another's guest frames) if there is none. 0 or an errno of <errno.h>. */
int ring_page_map(struct ring_page *page, domid_t domid, grant_ref_t ref, xen_pfn_t frame);
/* Nothing happens when it is not mapped. */
void ring_page_unmap(struct ring_page *page);

#endif
