/* SPDX-License-Identifier: MIT */
/* Grants of this domain's own pages: what a backend does, without a frontend. */
#include "tests/bench/guest/bench.h"
#include "tests/guests/framework/guest.h"

static struct gnttab_copy copy;
static struct gnttab_map_grant_ref map;
static struct gnttab_unmap_grant_ref unmap;

static void bench_copy(void *to)
{
    copy = (struct gnttab_copy){ .len = PAGE_SIZE, .flags = GNTCOPY_source_gref };
    copy.source.u.ref = GRANT_FIRST;
    copy.source.domid = own_domid();
    copy.dest.u.gmfn = va_to_mfn(to);
    copy.dest.domid = DOMID_SELF;
    MEASURE("grant_copy_4096", 1000,
            page_call(__HYPERVISOR_grant_table_op, GNTTABOP_copy, (uint64_t)&copy, 1, 0));
    copy.len = 64;
    MEASURE("grant_copy_64", 1000,
            page_call(__HYPERVISOR_grant_table_op, GNTTABOP_copy, (uint64_t)&copy, 1, 0));
}

static void bench_map(uint64_t window)
{
    map = (struct gnttab_map_grant_ref){
        .host_addr = window, .flags = GNTMAP_host_map, .ref = GRANT_FIRST, .dom = own_domid()
    };
    unmap = (struct gnttab_unmap_grant_ref){ .host_addr = window };
    MEASURE("grant_map_unmap", 1000,
            page_call(__HYPERVISOR_grant_table_op, GNTTABOP_map_grant_ref, (uint64_t)&map, 1, 0);
            unmap.handle = map.handle;
            page_call(__HYPERVISOR_grant_table_op, GNTTABOP_unmap_grant_ref, (uint64_t)&unmap, 1, 0));
}

void bench_grants(void)
{
    void *from = page_alloc(), *to = page_alloc();
    struct scratch s;

    scratch_link(&s, SCRATCH_SLOT);
    grant_access(GRANT_FIRST, own_domid(), from, 0);
    bench_copy(to);
    bench_map((uint64_t)scratch_va(&s, 0));
    grant_end(GRANT_FIRST);
    scratch_unlink(&s);
    page_free(from);
    page_free(to);
}
