/* SPDX-License-Identifier: MIT */
#include "pvguest/balloon.h"
#include "pvguest/hypercall.h"
#include "pvguest/memory.h"
#include "pvguest/pagetable.h"
#include "pvguest/panic.h"
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
/* While the target cannot be reached it is tried again that often. */
#define RETRY (1 * NSEC_PER_SEC)

/* Pages that are with the hypervisor. Each was allocated here and has no frame: its p2m entry is invalid. */
static size_t absent;

static void put_back(unsigned long pfn, unsigned long mfn)
{
    void *page = pfn_to_virt(pfn);

    p2m[pfn] = mfn;
    if (pt_set((unsigned long)page, pte_make(mfn, PTE_RW)) != 0)
        panic("balloon: page frame %#lx cannot be mapped", pfn);
    page_free(page, 0);
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
    for (size_t i = (size_t)done; i < got; i++)
        put_back(pfns[i], mfns[i]);
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

    for (size_t i = 0; i < wanted; i++)
        pfns[i] = frames[i];
    set_xen_guest_handle(op.extent_start, frames);
    done = wanted != 0 ? hypercall_memory_op(XENMEM_populate_physmap, &op) : 0;
    for (long i = 0; i < done; i++)
        put_back(pfns[i], frames[i]);
    if (done < 0)
        done = 0;
    absent -= (size_t)done;
    return (size_t)done;
}

size_t balloon_set(size_t pages)
{
    size_t most = memory_total_pages();
    size_t wanted = pages < most ? most - pages : 0; /* to be absent */
    unsigned long from = 0;

    while (absent < wanted && give(wanted - absent) != 0)
        ;
    while (absent > wanted && take(absent - wanted, &from) != 0)
        ;
    return most - absent;
}

/* What memory/target says, or else all. */
static size_t target_pages(struct xs_handle *h)
{
    char *kib = xs_read(h, XBT_NULL, "memory/target", NULL);
    size_t pages = kib != NULL ? strtoul(kib, NULL, 10) * 1024 / PAGE_SIZE : 0;

    free(kib);
    return pages != 0 && pages < memory_total_pages() ? pages : memory_total_pages();
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

    if (h == NULL)
        return errno;
    if (xs_watch(h, "memory/target", "target"))
        thread = thread_create("balloon", follow_target, h, STACK_SIZE);
    if (thread == NULL) {
        xs_close(h);
        return ENOMEM;
    }
    thread_detach(thread);
    return 0;
}
