/* SPDX-License-Identifier: MIT */
#include "pvguest/balloon.h"
#include "pvguest/flavour.h"
#include "pvguest/hypercall.h"
#include "pvguest/memory.h"
#include "pvguest/pagetable.h"
#include "pvguest/panic.h"
#include "pvguest/pvh.h"
#include "pvguest/thread.h"
#include "pvguest/time.h"
#include "pvguest/xenstore_transport.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <xen/memory.h>
#include <xenstore.h>

#define BATCH      64
#define STACK_SIZE 16384
/* Pages that stay free for the program: without them every allocation would fail. */
#define KEEP_FREE 64
/* What the tables of 512 further pages can take, held back for the time when no other page is free. */
#define GROWTH_PAGES 10
/* While the target cannot be reached it is tried again that often. */
#define RETRY (1 * NSEC_PER_SEC)

/* Pages that are with the hypervisor. Each was allocated here and has no frame: its p2m entry is invalid. */
static size_t absent;

/* Pages of the target that are none of ours: those that the builder of a PVH domain uses for itself. */
static size_t builders_pages;

static void *held[GROWTH_PAGES];

static void hold_pages(void)
{
    for (size_t i = 0; i < GROWTH_PAGES; i++)
        if (held[i] == NULL)
            held[i] = page_alloc(0);
}

/* Numbers further pages, out of the reserve if need be. */
static bool extend(void)
{
    size_t before = memory_total_pages();
    bool more;

    for (size_t i = 0; i < GROWTH_PAGES; i++) {
        if (held[i] != NULL)
            page_free(held[i], 0);
        held[i] = NULL;
    }
    more = memory_extend();
    absent += memory_total_pages() - before;
    return more;
}

/* Pages without a frame get these. */
static void put_back(const unsigned long *pfns, const xen_pfn_t *mfns, size_t count)
{
    struct mmu_batch batch;

    mmu_batch_init(&batch, DOMID_SELF);
    for (size_t i = 0; i < count; i++) {
        p2m[pfns[i]] = mfns[i];
        mmu_batch_add(&batch, pt_entry((unsigned long)pfn_to_virt(pfns[i]), 1), pte_make(mfns[i], PTE_RW));
    }
    if (mmu_batch_flush(&batch) != 0)
        panic("balloon: pages cannot be mapped: error %d", batch.error);
    for (size_t i = 0; i < count; i++)
        page_free(pfn_to_virt(pfns[i]), 0);
}

/* Allocates up to `count` pages; the number of those got. */
static size_t take_pages(unsigned long *pfns, size_t count)
{
    size_t got = 0;

    for (; got < count && memory_free_pages() > KEEP_FREE; got++) {
        void *page = page_alloc(0);

        if (page == NULL)
            break;
        pfns[got] = virt_to_pfn(page);
    }
    return got;
}

static void unmap_pages(const unsigned long *pfns, size_t count)
{
    struct mmu_batch batch;

    mmu_batch_init(&batch, DOMID_SELF);
    for (size_t i = 0; i < count; i++)
        mmu_batch_add(&batch, pt_entry((unsigned long)pfn_to_virt(pfns[i]), 1), 0);
    if (mmu_batch_flush(&batch) != 0)
        panic("balloon: pages cannot be unmapped: error %d", batch.error);
    pt_flush_all();
}

/* Gives up to `count` pages away; the number of those that went. */
static size_t give(size_t count)
{
    unsigned long pfns[BATCH];
    xen_pfn_t mfns[BATCH];
    size_t got = take_pages(pfns, count < BATCH ? count : BATCH);
    struct xen_memory_reservation op = { .nr_extents = got, .domid = DOMID_SELF };
    long done;

    unmap_pages(pfns, got);
    for (size_t i = 0; i < got; i++) {
        mfns[i] = p2m[pfns[i]];
        p2m[pfns[i]] = INVALID_MFN;
    }
    set_xen_guest_handle(op.extent_start, mfns);
    done = got != 0 ? hypercall_memory_op(XENMEM_decrease_reservation, &op) : 0;
    if (done < 0)
        done = 0;
    put_back(pfns + done, mfns + done, got - (size_t)done);
    absent += (size_t)done;
    return (size_t)done;
}

/* Page frames without a frame, from *from on. */
static size_t find_absent(xen_pfn_t *pfns, size_t count, unsigned long *from)
{
    size_t found = 0;

    for (; found < count && *from < memory_total_pages(); ++*from)
        if (p2m[*from] == INVALID_MFN)
            pfns[found++] = *from;
    return found;
}

/* Takes up to `count` pages back, looking from page frame *from on; the number of those that came. */
static size_t take(size_t count, unsigned long *from)
{
    xen_pfn_t frames[BATCH];
    unsigned long pfns[BATCH];
    size_t wanted = find_absent(frames, count < BATCH ? count : BATCH, from);
    struct xen_memory_reservation op = { .nr_extents = wanted, .domid = DOMID_SELF };
    long done;

    for (size_t i = 0; i < wanted; i++) {
        pfns[i] = frames[i];
        if (guest_is_pvh)
            frames[i] = pvh_gfn(pfns[i]);
    }
    set_xen_guest_handle(op.extent_start, frames);
    done = wanted != 0 ? hypercall_memory_op(XENMEM_populate_physmap, &op) : 0;
    if (done < 0)
        done = 0;
    put_back(pfns, frames, (size_t)done);
    absent -= (size_t)done;
    return (size_t)done;
}

static size_t present(void)
{
    return memory_total_pages() - absent;
}

size_t balloon_set(size_t pages)
{
    unsigned long from = 0;

    while (present() > pages && give(present() - pages) != 0)
        ;
    while (present() < pages)
        if (take(pages - present(), &from) == 0 && (absent != 0 || !extend()))
            break;
    return present();
}

/* A number of KiB in xenstore, in pages that are ours; 0 if there is none. */
static size_t read_pages(struct xs_handle *h, const char *path)
{
    char *kib = xs_read(h, XBT_NULL, path, NULL);
    size_t pages = kib != NULL ? strtoul(kib, NULL, 10) / (PAGE_SIZE / 1024) : 0;

    free(kib);
    return pages > builders_pages ? pages - builders_pages : 0;
}

/* What memory/target says, as far as it can be; or else all. */
static size_t target_pages(struct xs_handle *h)
{
    size_t pages = read_pages(h, "memory/target"), most = read_pages(h, "memory/static-max");

    if (most <= memory_total_pages())
        most = memory_total_pages();
    else if (memory_reserve(most))
        hold_pages();
    if (pages == 0)
        return memory_total_pages();
    return pages < most ? pages : most;
}

static void follow_target(void *arg)
{
    struct xs_handle *h = arg;
    bool reached = true;
    unsigned int nr;

    for (;;) {
        char **event = xenstore_read_watch_until(h, reached ? TIME_NEVER : time_ns() + RETRY, &nr);
        size_t target;

        if (event == NULL && errno != ETIMEDOUT)
            return;
        free(event);
        target = target_pages(h);
        reached = balloon_set(target) == target;
    }
}

int balloon_start(void)
{
    struct xs_handle *h = xs_open(0);
    struct thread *thread = NULL;
    domid_t self = DOMID_SELF;
    long pages = guest_is_pvh ? hypercall_memory_op(XENMEM_current_reservation, &self) : 0;

    if (h == NULL)
        return errno;
    if (pages > (long)memory_total_pages())
        builders_pages = (size_t)pages - memory_total_pages();
    if (xs_watch(h, "memory/target", "target"))
        thread = thread_create("balloon", follow_target, h, STACK_SIZE);
    if (thread == NULL) {
        xs_close(h);
        return ENOMEM;
    }
    thread_detach(thread);
    return 0;
}
