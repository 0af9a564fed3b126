/* SPDX-License-Identifier: MIT */
#include "pvguest/vmap.h"
#include "pvguest/hypercall.h"
#include "pvguest/memory.h"
#include "pvguest/pvh.h"
#include "pvguest/sync.h"
#include "pvguest/xen_errno.h"
#include <stdlib.h>
#include <xen/memory.h>

/* Free address space, in ascending order, never two extents that touch. */
struct extent {
    unsigned long start, end;
    struct extent *next;
};

static struct mutex lock = MUTEX_INITIALIZER(lock);
static struct extent *extents;
static bool extents_ready;

static bool extents_init(void)
{
    if (extents_ready)
        return true;
    extents = malloc(sizeof(*extents));
    if (!extents)
        return false;
    *extents = (struct extent){ PVG_MAP_BASE, PVG_MAP_END, NULL };
    extents_ready = true;
    return true;
}

/* First fit; 0 when there is none. */
static unsigned long extent_take(size_t size)
{
    for (struct extent **link = &extents; *link; link = &(*link)->next) {
        struct extent *extent = *link;
        unsigned long start = extent->start;

        if (extent->end - start < size)
            continue;
        extent->start += size;
        if (extent->start == extent->end) {
            *link = extent->next;
            free(extent);
        }
        return start;
    }
    return 0;
}

/* Without memory for a new extent the address space stays taken: there is plenty. */
static void extent_give(unsigned long start, unsigned long end)
{
    struct extent **link = &extents;
    struct extent *before = NULL;
    struct extent *after;
    struct extent *extent;

    while (*link && (*link)->start < start) {
        before = *link;
        link = &before->next;
    }
    after = *link;
    if (before && before->end == start) {
        before->end = end;
        if (after && after->start == end) {
            before->end = after->end;
            before->next = after->next;
            free(after);
        }
    } else if (after && after->start == end) {
        after->start = start;
    } else {
        extent = malloc(sizeof(*extent));
        if (!extent)
            return;
        *extent = (struct extent){ start, end, after };
        *link = extent;
    }
}

static bool create_tables(unsigned long va, size_t count)
{
    unsigned long end = va + count * PAGE_SIZE;
    unsigned long span = 512 * PAGE_SIZE;

    for (; va < end; va = (va | (span - 1)) + 1)
        if (!pt_entry_create(va))
            return false;
    return true;
}

void *vmap_reserve(size_t count, bool with_tables)
{
    unsigned long va = 0;

    mutex_lock(&lock);
    if (count && count < (PVG_MAP_END - PVG_MAP_BASE) / PAGE_SIZE && extents_init())
        va = extent_take(count * PAGE_SIZE);
    mutex_unlock(&lock);
    if (va && with_tables && !create_tables(va, count)) {
        vmap_release((void *)va, count);
        return NULL;
    }
    return (void *)va;
}

void vmap_release(void *addr, size_t count)
{
    mutex_lock(&lock);
    extent_give((unsigned long)addr, (unsigned long)addr + count * PAGE_SIZE);
    mutex_unlock(&lock);
}

/* Entries of a run of pages are consecutive within a level-1 table; finds the first of each table anew. */
static uint64_t next_entry(uint64_t entry, unsigned long va)
{
    return entry && va & (512 * PAGE_SIZE - 1) ? entry + sizeof(pte_t) : pt_entry_create(va);
}

static int set_entries(unsigned long va, const xen_pfn_t *mfns, size_t count, uint64_t flags)
{
    struct mmu_batch batch;
    uint64_t entry = 0;

    mmu_batch_init(&batch, DOMID_SELF);
    for (size_t i = 0; i < count; i++, va += PAGE_SIZE) {
        entry = next_entry(entry, va);
        if (!entry) {
            mmu_batch_flush(&batch);
            return -XEN_ENOMEM;
        }
        mmu_batch_add(&batch, entry, mfns ? pte_make(mfns[i], flags) : 0);
    }
    return mmu_batch_flush(&batch);
}

/* Clears the entries of count pages and the TLBs. Entries that refuse would leave a frame referenced, which
 * nothing can mend; clearing has no reason to be refused. */
static void clear_entries(unsigned long va, size_t count)
{
    set_entries(va, NULL, count, 0);
    pt_flush_all();
}

void *map_frames(const xen_pfn_t *mfns, size_t count, uint64_t flags)
{
    unsigned long va = (unsigned long)vmap_reserve(count, false);

    if (!va)
        return NULL;
    if (set_entries(va, mfns, count, flags)) {
        unmap_frames((void *)va, count);
        return NULL;
    }
    return (void *)va;
}

/* A PVH guest's physical frames for other domains' are empty again; most of those of map_frames() always
 * were. */
static void empty_physical_frames(const char *addr, size_t count)
{
    struct multicall_entry calls[MMU_BATCH_SIZE];
    struct xen_remove_from_physmap ops[MMU_BATCH_SIZE];

    for (size_t done = 0; done < count;) {
        unsigned int n = 0;

        for (; n < MMU_BATCH_SIZE && done < count; n++, done++) {
            ops[n] = (struct xen_remove_from_physmap){ .domid = DOMID_SELF,
                                                       .gpfn = pvh_map_gfn(addr + done * PAGE_SIZE) };
            calls[n] =
                (struct multicall_entry){ .op = __HYPERVISOR_memory_op,
                                          .args = { XENMEM_remove_from_physmap, (unsigned long)&ops[n] } };
        }
        hypercall_multicall(calls, n);
    }
}

void unmap_frames(void *addr, size_t count)
{
    clear_entries((unsigned long)addr, count);
    if (guest_is_pvh)
        empty_physical_frames(addr, count);
    vmap_release(addr, count);
}

void *map_machine(uint64_t paddr, size_t length, uint64_t flags)
{
    size_t count = ((paddr & ~PAGE_MASK) + length + PAGE_SIZE - 1) / PAGE_SIZE;
    xen_pfn_t *mfns = calloc(count, sizeof(*mfns));
    char *addr;

    if (!mfns)
        return NULL;
    for (size_t i = 0; i < count; i++)
        mfns[i] = (paddr >> PAGE_SHIFT) + i;
    addr = map_frames(mfns, count, flags);
    free(mfns);
    return addr ? addr + (paddr & ~PAGE_MASK) : NULL;
}

void unmap_machine(void *addr, size_t length)
{
    unsigned long offset = (unsigned long)addr & ~PAGE_MASK;

    unmap_frames((char *)addr - offset, (offset + length + PAGE_SIZE - 1) / PAGE_SIZE);
}

/* The same in a PVH guest: the frames come to physical frames of its own, which it maps. */
static size_t map_physical_run(domid_t domid, unsigned long va, const xen_pfn_t *frames, size_t count,
                               uint64_t flags, int *error)
{
    xen_pfn_t own[MMU_BATCH_SIZE];
    int errors[MMU_BATCH_SIZE] = { 0 };
    struct xen_add_to_physmap_batch op = {
        .domid = DOMID_SELF,
        .space = XENMAPSPACE_gmfn_foreign,
        .size = (uint16_t)count,
        .u.foreign_domid = domid,
    };
    size_t done = 0;

    for (size_t i = 0; i < count; i++)
        own[i] = pvh_map_gfn((const char *)va + i * PAGE_SIZE);
    set_xen_guest_handle(op.idxs, (xen_ulong_t *)(uintptr_t)frames);
    set_xen_guest_handle(op.gpfns, own);
    set_xen_guest_handle(op.errs, errors);
    *error = (int)hypercall_memory_op(XENMEM_add_to_physmap_batch, &op);
    while (!*error && done < count && !errors[done])
        done++;
    if (!*error && done < count)
        *error = errors[done];
    if (set_entries(va, own, done, flags)) {
        *error = -XEN_ENOMEM;
        return 0;
    }
    return done;
}

/* Maps one run of frames with one hypercall; returns how many were mapped before the first refusal, *error
 * saying why. */
static size_t map_foreign_run(domid_t domid, unsigned long va, const xen_pfn_t *frames, size_t count,
                              uint64_t flags, int *error)
{
    struct mmu_update updates[MMU_BATCH_SIZE];
    uint64_t entry = 0;
    unsigned int done = 0;

    if (count > MMU_BATCH_SIZE)
        count = MMU_BATCH_SIZE;
    if (guest_is_pvh)
        return map_physical_run(domid, va, frames, count, flags, error);
    for (size_t i = 0; i < count; i++, va += PAGE_SIZE) {
        entry = next_entry(entry, va);
        updates[i] = (struct mmu_update){ entry | MMU_NORMAL_PT_UPDATE, pte_make(frames[i], flags) };
    }
    *error = (int)hypercall_mmu_update(updates, (unsigned int)count, &done, domid);
    return *error ? done : count;
}

void *map_foreign(domid_t domid, const xen_pfn_t *frames, size_t count, uint64_t flags, int *errors)
{
    unsigned long va = (unsigned long)vmap_reserve(count, true);
    size_t mapped = 0;
    size_t i = 0;

    if (!va)
        return NULL;
    while (i < count) {
        int error;
        size_t run = map_foreign_run(domid, va + i * PAGE_SIZE, frames + i, count - i, flags, &error);

        mapped += run;
        for (; errors && run; run--)
            errors[i++] = 0;
        i += run;
        if (!error)
            continue;
        if (!errors) {
            mapped = 0;
            break;
        }
        errors[i++] = error;
    }
    if (!mapped) {
        unmap_frames((void *)va, count);
        return NULL;
    }
    return (void *)va;
}

/* Unmaps pages of the linear area, then gives them back to the allocator; entries without a page are passed
 * over. */
static void free_pages_of(unsigned long va, size_t count)
{
    void *pages[MMU_BATCH_SIZE];

    while (count) {
        size_t run = count < MMU_BATCH_SIZE ? count : MMU_BATCH_SIZE;

        for (size_t i = 0; i < run; i++) {
            pte_t pte = pt_lookup(va + i * PAGE_SIZE);

            pages[i] = pte ? mfn_to_virt(pte_mfn(pte)) : NULL;
        }
        clear_entries(va, run);
        for (size_t i = 0; i < run; i++)
            if (pages[i])
                page_free(pages[i], 0);
        va += run * PAGE_SIZE;
        count -= run;
    }
}

/* Maps up to a batch of fresh pages; returns how many, fewer than asked for when memory ran out. */
static size_t populate_run(unsigned long va, size_t count)
{
    xen_pfn_t mfns[MMU_BATCH_SIZE];
    size_t run = 0;

    if (count > MMU_BATCH_SIZE)
        count = MMU_BATCH_SIZE;
    while (run < count) {
        void *page = page_alloc(0);

        if (!page)
            break;
        mfns[run++] = virt_to_mfn(page);
    }
    if (set_entries(va, mfns, run, PTE_RW) == 0)
        return run;
    for (size_t i = 0; i < run; i++)
        if (!pt_lookup(va + i * PAGE_SIZE))
            page_free(mfn_to_virt(mfns[i]), 0);
    return 0;
}

bool vmap_populate(void *addr, size_t count)
{
    unsigned long va = (unsigned long)addr;

    for (size_t done = 0; done < count;) {
        size_t run = populate_run(va + done * PAGE_SIZE, count - done);

        done += run;
        if (!run) {
            free_pages_of(va, count);
            return false;
        }
    }
    return true;
}

void vmap_depopulate(void *addr, size_t count)
{
    free_pages_of((unsigned long)addr, count);
}
