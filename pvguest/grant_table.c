/* SPDX-License-Identifier: MIT */
#include "pvguest/grant_table.h"
#include "pvguest/hypercall.h"
#include "pvguest/memory.h"
#include "pvguest/pvh.h"
#include "pvguest/sync.h"
#include "pvguest/vmap.h"
#include "pvguest/xen_errno.h"
#include <stdlib.h>
#include <string.h>
#include <xen/memory.h>

#define MAX_FRAMES        64 /* Xen's own default limit */
#define ENTRIES_PER_FRAME (PAGE_SIZE / sizeof(grant_entry_v1_t))
#define NO_REF            0
#define MAP_BATCH         32

static struct mutex lock = MUTEX_INITIALIZER(lock);
static grant_entry_v1_t *table; /* room for MAX_FRAMES pages */
static unsigned int frames, max_frames;
static grant_ref_t first_free = NO_REF; /* of a list linked through next_free */
static grant_ref_t *next_free;

static int query_max_frames(void)
{
    struct gnttab_query_size query = { .dom = DOMID_SELF };

    if (hypercall_grant_table_op(GNTTABOP_query_size, &query, 1) || query.status != GNTST_okay)
        return 4; /* what every hypervisor with this ABI grants */
    return (int)(query.max_nr_frames < MAX_FRAMES ? query.max_nr_frames : MAX_FRAMES);
}

static void add_free_refs(unsigned int frame)
{
    grant_ref_t first = (grant_ref_t)(frame * ENTRIES_PER_FRAME);

    for (grant_ref_t ref = first + ENTRIES_PER_FRAME - 1;
         ref + 1 > first && ref >= GNTTAB_NR_RESERVED_ENTRIES; ref--) {
        next_free[ref] = first_free;
        first_free = ref;
    }
}

/* Where the hypervisor has the table's first frames + 1 pages. */
static int setup_frames(xen_pfn_t *mfns)
{
    struct gnttab_setup_table setup = { .dom = DOMID_SELF, .nr_frames = frames + 1 };
    long error;

    set_xen_guest_handle(setup.frame_list, mfns);
    error = hypercall_grant_table_op(GNTTABOP_setup_table, &setup, 1);
    return error ? (int)error : gnttab_status_errno(setup.status);
}

/* In a PVH guest the next page comes to a frame of our choice. */
static int place_frame(xen_pfn_t *gfn)
{
    *gfn = pvh_map_gfn((const char *)table + frames * PAGE_SIZE);
    return pvh_add_to_physmap(XENMAPSPACE_grant_table, frames, *gfn);
}

/* What the hypervisor is to map at: the address itself, or a PVH guest's frame that belongs to it. */
uint64_t grant_host_address(const void *page)
{
    return guest_is_pvh ? pvh_map_gfn(page) << PAGE_SHIFT : (unsigned long)page;
}

static uint64_t host_address(const struct grant_mapping *map, size_t page)
{
    return grant_host_address((const char *)map->addr + page * PAGE_SIZE);
}

/* A PVH guest's own entry for such a frame; 0 takes it away. */
static void set_entry(const struct grant_mapping *map, size_t page, uint64_t flags)
{
    const char *addr = (const char *)map->addr + page * PAGE_SIZE;

    if (guest_is_pvh)
        pt_set((unsigned long)addr, flags ? pte_make(pvh_map_gfn(addr), flags) : 0);
}

/* Has the hypervisor back one more page of the table, and maps it. */
static int grow(void)
{
    xen_pfn_t mfns[MAX_FRAMES];
    grant_ref_t *bigger;
    long error;

    if (frames == max_frames)
        return -XEN_ENOSPC;
    bigger = realloc(next_free, (frames + 1) * ENTRIES_PER_FRAME * sizeof(*next_free));
    if (!bigger)
        return -XEN_ENOMEM;
    next_free = bigger;
    error = guest_is_pvh ? place_frame(&mfns[frames]) : setup_frames(mfns);
    if (error)
        return (int)error;
    error = pt_set((unsigned long)table + frames * PAGE_SIZE, pte_make(mfns[frames], PTE_RW));
    if (error)
        return (int)error;
    add_free_refs(frames++);
    return 0;
}

static int take_ref(void)
{
    int ref;

    if (!table) {
        table = vmap_reserve(MAX_FRAMES, true);
        max_frames = (unsigned int)query_max_frames();
        if (!table)
            return -XEN_ENOMEM;
    }
    if (first_free == NO_REF) {
        int error = grow();

        if (error)
            return error;
    }
    ref = (int)first_free;
    first_free = next_free[ref];
    return ref;
}

static void give_ref(grant_ref_t ref)
{
    mutex_lock(&lock);
    next_free[ref] = first_free;
    first_free = ref;
    mutex_unlock(&lock);
}

/* Fills an entry; the flags last, since they make it valid. */
static void fill(grant_ref_t ref, domid_t domid, unsigned long frame, uint16_t flags)
{
    table[ref].frame = (uint32_t)frame;
    table[ref].domid = domid;
    __atomic_store_n(&table[ref].flags, flags, __ATOMIC_RELEASE);
}

int gnttab_reserve(void)
{
    int ref;

    mutex_lock(&lock);
    ref = take_ref();
    mutex_unlock(&lock);
    return ref;
}

void gnttab_grant_reserved(grant_ref_t ref, domid_t domid, unsigned long mfn, bool readonly)
{
    fill(ref, domid, mfn, GTF_permit_access | (readonly ? GTF_readonly : 0));
}

static int grant(domid_t domid, unsigned long frame, uint16_t flags)
{
    int ref = gnttab_reserve();

    if (ref >= 0)
        fill((grant_ref_t)ref, domid, frame, flags);
    return ref;
}

int gnttab_grant_access(domid_t domid, unsigned long mfn, bool readonly)
{
    return grant(domid, mfn, GTF_permit_access | (readonly ? GTF_readonly : 0));
}

int gnttab_revoke_reserved(grant_ref_t ref)
{
    uint16_t flags = __atomic_load_n(&table[ref].flags, __ATOMIC_ACQUIRE);

    do {
        if (flags & (GTF_reading | GTF_writing))
            return -XEN_EBUSY;
    } while (!__atomic_compare_exchange_n(&table[ref].flags, &flags, 0, false, __ATOMIC_SEQ_CST,
                                          __ATOMIC_SEQ_CST));
    return 0;
}

int gnttab_end_access(grant_ref_t ref)
{
    int error = gnttab_revoke_reserved(ref);

    if (!error)
        give_ref(ref);
    return error;
}

int gnttab_grant_transfer(domid_t domid, unsigned long pfn)
{
    return grant(domid, pfn, GTF_accept_transfer);
}

long gnttab_end_transfer(grant_ref_t ref)
{
    uint16_t flags = GTF_accept_transfer;
    long mfn;

    /* Not committed: withdraw the offer, unless the other side is just taking it up. */
    if (__atomic_compare_exchange_n(&table[ref].flags, &flags, 0, false, __ATOMIC_SEQ_CST,
                                    __ATOMIC_SEQ_CST)) {
        give_ref(ref);
        return -XEN_ENODATA;
    }
    if (!(flags & GTF_transfer_completed))
        return -XEN_EBUSY;
    mfn = (long)table[ref].frame;
    __atomic_store_n(&table[ref].flags, 0, __ATOMIC_RELEASE);
    give_ref(ref);
    return mfn;
}

int gnttab_status_errno(int status)
{
    switch (status) {
    case GNTST_okay:
        return 0;
    case GNTST_bad_domain:
        return -XEN_ESRCH;
    case GNTST_permission_denied:
        return -XEN_EPERM;
    case GNTST_no_device_space:
    case GNTST_no_space:
        return -XEN_ENOSPC;
    case GNTST_eagain:
        return -XEN_EAGAIN;
    default:
        return -XEN_EINVAL;
    }
}

/* Unmaps the pages of a mapping from the first on; a batch for each hypercall. */
static void unmap_pages(struct grant_mapping *map, size_t count)
{
    struct gnttab_unmap_grant_ref ops[MAP_BATCH];

    for (size_t done = 0; done < count;) {
        unsigned int n = 0;

        for (; n < MAP_BATCH && done < count; n++, done++) {
            ops[n] = (struct gnttab_unmap_grant_ref){ .host_addr = host_address(map, done),
                                                      .handle = map->handles[done] };
            set_entry(map, done, 0);
        }
        hypercall_grant_table_op(GNTTABOP_unmap_grant_ref, ops, n);
    }
}

/* Maps one batch; the number mapped before the first refusal, *error saying why. */
static size_t map_batch(struct grant_mapping *map, size_t first, domid_t domid, const grant_ref_t *refs,
                        size_t count, bool readonly, int *error)
{
    struct gnttab_map_grant_ref ops[MAP_BATCH];
    size_t good = 0;

    for (size_t i = 0; i < count; i++)
        ops[i] = (struct gnttab_map_grant_ref){
            .host_addr = host_address(map, first + i),
            .flags = GNTMAP_host_map | (readonly ? GNTMAP_readonly : 0),
            .ref = refs[i],
            .dom = domid,
        };
    *error = (int)hypercall_grant_table_op(GNTTABOP_map_grant_ref, ops, (unsigned int)count);
    if (*error)
        return 0;
    while (good < count && ops[good].status == GNTST_okay) {
        map->handles[first + good] = ops[good].handle;
        set_entry(map, first + good, readonly ? PTE_RO : PTE_RW);
        good++;
    }
    if (good < count)
        *error = gnttab_status_errno(ops[good].status);
    for (size_t i = good + 1; i < count; i++) {
        /* Mapped behind a refused one: undone here, as the caller's undoing ends at the refusal. */
        struct gnttab_unmap_grant_ref undo = { .host_addr = ops[i].host_addr, .handle = ops[i].handle };

        if (ops[i].status == GNTST_okay)
            hypercall_grant_table_op(GNTTABOP_unmap_grant_ref, &undo, 1);
    }
    return good;
}

int gnttab_map(struct grant_mapping *map, domid_t domid, const grant_ref_t *refs, size_t count, bool readonly)
{
    size_t done = 0;
    int error = 0;

    map->count = count;
    map->handles = calloc(count, sizeof(*map->handles));
    map->addr = map->handles ? vmap_reserve(count, true) : NULL;
    if (!map->addr) {
        free(map->handles);
        return -XEN_ENOMEM;
    }
    while (done < count && !error) {
        size_t batch = count - done < MAP_BATCH ? count - done : MAP_BATCH;

        done += map_batch(map, done, domid, refs + done, batch, readonly, &error);
    }
    if (error) {
        unmap_pages(map, done);
        vmap_release(map->addr, count);
        free(map->handles);
    }
    return error;
}

void gnttab_unmap(struct grant_mapping *map)
{
    unmap_pages(map, map->count);
    vmap_release(map->addr, map->count);
    free(map->handles);
    map->addr = NULL;
}

void *grant_windows_create(size_t count)
{
    char *windows = vmap_reserve(count, true);

    for (size_t i = 0; guest_is_pvh && windows && i < count; i++)
        pt_set((unsigned long)windows + i * PAGE_SIZE,
               pte_make(pvh_map_gfn(windows + i * PAGE_SIZE), PTE_RW));
    return windows;
}

void grant_windows_destroy(void *windows, size_t count)
{
    for (size_t i = 0; guest_is_pvh && i < count; i++)
        pt_set((unsigned long)windows + i * PAGE_SIZE, 0);
    vmap_release(windows, count);
}

int gnttab_copy(struct gnttab_copy *copies, unsigned int count)
{
    return (int)hypercall_grant_table_op(GNTTABOP_copy, copies, count);
}
