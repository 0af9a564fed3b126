/* SPDX-License-Identifier: MIT */
#include "pvguest/memory.h"
#include "pvguest/buddy.h"
#include "pvguest/cpu.h"
#include "pvguest/pagetable.h"
#include "pvguest/panic.h"
#include "pvguest/flavour.h"
#include "pvguest/pvh.h"
#include "pvguest/vmap.h"
#include <string.h>

#define PAGES_PER_L1 512UL

/* The linker script's, all page-aligned. */
extern char image_text_start[], image_text_end[], image_rodata_end[], image_end[];
extern char boot_stack_guard[];

struct start_info *start_info;
unsigned long *p2m;

static struct buddy buddy;
static unsigned long mapped_end; /* pages below this pfn are mapped */
static unsigned long nr_pages;   /* page frames that are numbered */
static unsigned long early_next; /* until the allocator stands: the first unused pfn */

/* Held back for the page tables that mapping more memory takes, one of each level. */
static void *spare[3];
static unsigned int spare_count;
static bool growing;

static void *early_pages(size_t count)
{
    void *pages = pfn_to_virt(early_next);

    early_next += count;
    if (early_next > mapped_end)
        panic("memory: the builder left no free pages behind the boot stack");
    return pages;
}

/* End of the chunk (what one level-1 table maps: 2 MiB) that pfn is in. */
static unsigned long chunk_end(unsigned long pfn)
{
    unsigned long end = (pfn | (PAGES_PER_L1 - 1)) + 1;

    return end < nr_pages ? end : nr_pages;
}

/* The 512 entries of a chunk that starts at pfn. */
static void fill_l1(pte_t *l1, unsigned long pfn, unsigned long end)
{
    for (unsigned int i = 0; i < PAGES_PER_L1; i++, pfn++)
        l1[i] = pfn < end && p2m[pfn] != INVALID_MFN ? pte_make(p2m[pfn], PTE_RW) : 0;
}

/* Maps the rest of the chunk that the builder mapped in part. */
static void map_rest_of_chunk(void)
{
    unsigned long end = chunk_end(mapped_end);
    uint64_t entry = pt_entry((unsigned long)pfn_to_virt(mapped_end), 1);
    struct mmu_batch batch;

    mmu_batch_init(&batch, DOMID_SELF);
    for (; mapped_end < end; mapped_end++, entry += sizeof(pte_t))
        if (p2m[mapped_end] != INVALID_MFN)
            mmu_batch_add(&batch, entry, pte_make(p2m[mapped_end], PTE_RW));
    if (mmu_batch_flush(&batch))
        panic("memory: cannot map up to page frame %#lx: error %d", end, batch.error);
}

/* Maps the next chunk, l1 being a page that may become its table. */
static void map_chunk(void *l1)
{
    unsigned long end = chunk_end(mapped_end);
    int error;

    fill_l1(l1, mapped_end, end);
    error = pt_install_l1((unsigned long)pfn_to_virt(mapped_end), l1);
    if (error)
        panic("memory: cannot map page frames %#lx-%#lx: error %d", mapped_end, end, error);
    mapped_end = end;
}

static void add_mapped_pages(unsigned long first, unsigned long end)
{
    while (first < end) {
        unsigned long run = first;

        while (run < end && p2m[run] != INVALID_MFN)
            run++;
        if (run > first)
            buddy_add(&buddy, first, run - first);
        first = run + 1;
    }
}

static void refill_spare(void)
{
    while (spare_count < 3) {
        void *page = buddy_alloc(&buddy, 0);

        if (!page)
            return;
        spare[spare_count++] = page;
    }
}

/* Maps one more chunk for the allocator; false at the end of memory. The tables that this takes come from the
 * spare pages. */
static bool grow(void)
{
    unsigned long first = mapped_end;

    if (growing || first == nr_pages || !spare_count)
        return false;
    growing = true;
    map_chunk(spare[--spare_count]);
    growing = false;
    add_mapped_pages(first, mapped_end);
    refill_spare();
    return true;
}

static void *alloc_pages(unsigned int order)
{
    void *page;

    if (!buddy.base)
        return early_pages(1UL << order);
    page = buddy_alloc(&buddy, order);
    if (!page && growing && order == 0 && spare_count)
        page = spare[--spare_count];
    while (!page && grow())
        page = buddy_alloc(&buddy, order);
    return page;
}

void *page_alloc(unsigned int order)
{
    bool masked = upcalls_disable();
    void *page = alloc_pages(order);

    upcalls_restore(masked);
    return page;
}

void *page_alloc_zeroed(void)
{
    void *page = page_alloc(0);

    if (page)
        memset(page, 0, PAGE_SIZE);
    return page;
}

void page_free(void *page, unsigned int order)
{
    bool masked = upcalls_disable();

    if (!buddy_free(&buddy, page, order))
        panic("page_free: no block of order %u was allocated at %p", order, page);
    upcalls_restore(masked);
}

void page_split(void *block, unsigned int order)
{
    buddy_split(&buddy, block, order);
}

bool memory_is_own(unsigned long mfn)
{
    unsigned long pfn = guest_is_pvh ? mfn : mfn_to_pfn(mfn);

    return pfn < nr_pages && p2m[pfn] == mfn;
}

size_t memory_total_pages(void)
{
    return nr_pages;
}

size_t memory_free_pages(void)
{
    return buddy.free_pages + (nr_pages - mapped_end);
}

/* ---- growth beyond the start ---- */

#define P2M_PER_PAGE (PAGE_SIZE / sizeof(unsigned long))

/* Areas for the tables of all page frames that the domain may come to have; their beginnings are populated.
 * What the tables stood in before stays unused. */
static unsigned long *p2m_area;
static uint8_t *state_area;
static size_t p2m_area_pages, state_area_pages; /* populated */
static size_t most_pages;

static size_t pages_for(size_t entries, size_t per_page)
{
    return (entries + per_page - 1) / per_page;
}

/* Memory for the tables of that many page frames. */
static bool populate_tables(size_t pages)
{
    size_t p2m_need = pages_for(pages, P2M_PER_PAGE), state_need = pages_for(pages, PAGE_SIZE);

    if (p2m_need > p2m_area_pages &&
        !vmap_populate(p2m_area + p2m_area_pages * P2M_PER_PAGE, p2m_need - p2m_area_pages))
        return false;
    p2m_area_pages = p2m_need;
    if (state_need > state_area_pages &&
        !vmap_populate(state_area + state_area_pages * PAGE_SIZE, state_need - state_area_pages))
        return false;
    state_area_pages = state_need;
    return true;
}

static bool reserve_areas(size_t pages)
{
    if (!p2m_area)
        p2m_area = vmap_reserve(pages_for(pages, P2M_PER_PAGE), false);
    if (p2m_area && !state_area)
        state_area = vmap_reserve(pages_for(pages, PAGE_SIZE), false);
    return state_area != NULL;
}

/* Events may allocate pages, and see the tables change as a whole. */
static bool move_tables(size_t pages)
{
    bool masked = upcalls_disable();

    while (grow())
        ;
    if (mapped_end == nr_pages) {
        memcpy(p2m_area, p2m, nr_pages * sizeof(*p2m));
        p2m = p2m_area;
        buddy_move_state(&buddy, state_area, pages);
        most_pages = pages;
    }
    upcalls_restore(masked);
    return most_pages != 0;
}

bool memory_reserve(size_t pages)
{
    size_t limit = (PVG_HEAP_BASE - PVG_VIRT_BASE) / PAGE_SIZE;

    if (most_pages || pages <= nr_pages)
        return true;
    if (pages > limit)
        pages = limit;
    if (guest_is_pvh && !pvh_has_room(pages))
        return false;
    return reserve_areas(pages) && populate_tables(nr_pages) && move_tables(pages);
}

/* An empty level-1 table for the chunk that begins at pfn. */
static bool begin_chunk(unsigned long pfn)
{
    unsigned long va = (unsigned long)pfn_to_virt(pfn);
    void *table;

    if (pt_entry(va, 1))
        return true;
    table = page_alloc_zeroed();
    if (table && pt_install_l1(va, table) != 0) {
        page_free(table, 0);
        table = NULL;
    }
    return table != NULL;
}

bool memory_extend(void)
{
    unsigned long first = nr_pages, end = (first | (PAGES_PER_L1 - 1)) + 1;
    bool masked;

    if (end > most_pages)
        end = most_pages;
    if (first >= end || !populate_tables(end) || !begin_chunk(first) ||
        (guest_is_pvh && !pvh_number_pages(first, end)))
        return false;
    masked = upcalls_disable();
    for (unsigned long pfn = first; pfn < end; pfn++)
        p2m[pfn] = INVALID_MFN;
    buddy_add_allocated(&buddy, first, end - first);
    nr_pages = mapped_end = end;
    upcalls_restore(masked);
    return true;
}

void *ring_to_virt(unsigned long mfn)
{
    return guest_is_pvh ? pvh_ring(mfn) : mfn_to_virt(mfn);
}

/* The builder maps whole 4 MiB, at least 512 KiB behind its boot stack; see how far it went. */
static unsigned long find_mapped_end(unsigned long pfn)
{
    unsigned long last = pfn | (PAGES_PER_L1 - 1);

    while (last < nr_pages && pt_lookup((unsigned long)pfn_to_virt(last))) {
        pfn = last + 1;
        last += PAGES_PER_L1;
    }
    while (pfn < nr_pages && pt_lookup((unsigned long)pfn_to_virt(pfn)))
        pfn++;
    return pfn;
}

/* The first page behind everything that the builder put into memory and that is still in use; its boot stack
 * is not. */
static unsigned long first_unused_page(void)
{
    const unsigned long ends[] = {
        (unsigned long)image_end,
        start_info->mod_start + start_info->mod_len,
        (unsigned long)(p2m + nr_pages),
        (unsigned long)(start_info + 1),
        start_info->pt_base + start_info->nr_pt_frames * PAGE_SIZE,
    };
    unsigned long end = 0;

    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
        if (ends[i] > end)
            end = ends[i];
    return virt_to_pfn((void *)(end + PAGE_SIZE - 1));
}

/* What an entry that the builder made (writable and executable) has to become. */
static pte_t protect_page(unsigned long va, pte_t pte)
{
    if (va == (unsigned long)boot_stack_guard)
        return 0;
    if (va < (unsigned long)image_text_end)
        return pte & ~PTE_WRITE;
    if (va < (unsigned long)image_rodata_end)
        return (pte & ~PTE_WRITE) | PTE_NX;
    return pte | PTE_NX;
}

/* W^X: page by page in the tables that map the image, and for all that lies behind them by the tables above.
 */
static void protect_boot_mappings(void)
{
    unsigned long l1_span = PAGES_PER_L1 * PAGE_SIZE;
    unsigned long split = ((unsigned long)image_end + l1_span - 1) & ~(l1_span - 1);
    unsigned long end = (unsigned long)pfn_to_virt(mapped_end);
    struct mmu_batch batch;

    mmu_batch_init(&batch, DOMID_SELF);
    for (unsigned long va = PVG_VIRT_BASE; va < split && va < end; va += PAGE_SIZE) {
        uint64_t entry = pt_entry(va, 1);

        mmu_batch_add(&batch, entry, protect_page(va, pt_read(entry)));
    }
    for (unsigned long va = split; va < end; va += l1_span) {
        uint64_t entry = pt_entry(va, 2);

        mmu_batch_add(&batch, entry, pt_read(entry) | PTE_NX);
    }
    if (mmu_batch_flush(&batch))
        panic("memory: cannot protect the image: error %d", batch.error);
    pt_flush_all();
}

void memory_init(struct start_info *si)
{
    size_t state_pages = (si->nr_pages + PAGE_SIZE - 1) / PAGE_SIZE;
    uint8_t *state;

    start_info = si;
    nr_pages = si->nr_pages;
    p2m = (unsigned long *)si->mfn_list;
    pt_init((void *)si->pt_base);
    early_next = first_unused_page();
    mapped_end = find_mapped_end(early_next);
    protect_boot_mappings();
    if (mapped_end & (PAGES_PER_L1 - 1))
        map_rest_of_chunk();
    while (mapped_end < nr_pages && mapped_end - early_next < state_pages + 8)
        map_chunk(early_pages(1));
    state = early_pages(state_pages);
    buddy_init(&buddy, pfn_to_virt(0), state, nr_pages);
    add_mapped_pages(early_next, mapped_end);
    refill_spare();
}
