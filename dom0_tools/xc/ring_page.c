/* SPDX-License-Identifier: MIT */
#include "dom0_tools/xc/ring_page.h"
#include "pvguest/vmap.h"

#include <errno.h>

int ring_page_map(struct ring_page *page, domid_t domid, grant_ref_t ref, xen_pfn_t frame)
{
    if (gnttab_map(&page->grant, domid, &ref, 1, false) == 0) {
        page->addr = page->grant.addr;
        return 0;
    }
    page->grant.count = 0;
    page->addr = map_foreign(domid, &frame, 1, PTE_RW, NULL);
    return page->addr != NULL ? 0 : EINVAL;
}

void ring_page_unmap(struct ring_page *page)
{
    if (page->addr == NULL)
        return;
    if (page->grant.count != 0)
        gnttab_unmap(&page->grant);
    else
        unmap_frames(page->addr, 1);
    page->addr = NULL;
}
