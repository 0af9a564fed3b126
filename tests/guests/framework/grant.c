/* SPDX-License-Identifier: MIT */
#include "tests/guests/framework/grant.h"
#include "tests/guests/framework/hypercall.h"
#include "tests/guests/framework/memory.h"
#include "tests/guests/framework/test.h"

static uint8_t table_page[PAGE_SIZE] __attribute__((aligned(4096)));
static bool mapped;

void grant_table_remap(void)
{
    mapped = false;
}

volatile grant_entry_v1_t *grant_table(void)
{
    if (mapped)
        return (volatile grant_entry_v1_t *)table_page;
    memory_map_grants(table_page);
    mapped = true;
    return (volatile grant_entry_v1_t *)table_page;
}

void grant_access(grant_ref_t ref, domid_t dom, const void *page, uint16_t flags)
{
    volatile grant_entry_v1_t *entry = &grant_table()[ref];

    entry->domid = dom;
    entry->frame = (uint32_t)va_to_mfn(page);
    __atomic_store_n(&entry->flags, GTF_permit_access | flags, __ATOMIC_SEQ_CST);
}

bool grant_end(grant_ref_t ref)
{
    volatile grant_entry_v1_t *entry = &grant_table()[ref];

    if (entry->flags & (GTF_reading | GTF_writing))
        return false;
    __atomic_store_n(&entry->flags, 0, __ATOMIC_SEQ_CST);
    return true;
}

int grant_map(uint64_t host_addr, uint32_t flags, grant_ref_t ref, domid_t dom, grant_handle_t *handle)
{
    struct gnttab_map_grant_ref op = { .host_addr = host_addr, .flags = flags, .ref = ref, .dom = dom };
    long ret = hc_grant(GNTTABOP_map_grant_ref, &op, 1);

    *handle = op.handle;
    return ret ? (int)ret : op.status;
}

int grant_unmap(uint64_t host_addr, grant_handle_t handle)
{
    struct gnttab_unmap_grant_ref op = { .host_addr = host_addr, .handle = handle };
    long ret = hc_grant(GNTTABOP_unmap_grant_ref, &op, 1);

    return ret ? (int)ret : op.status;
}
