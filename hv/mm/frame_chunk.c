/* SPDX-License-Identifier: MIT */
/*
 * Usable RAM that has no struct frames yet, and the tables that describe it.
 *
 * One chunk is 256 MiB of machine addresses: 65536 frames, whose struct frames fill 2 MiB, and whose M2P
 * entries fill a quarter of 2 MiB. Both tables are mapped by 2 MiB pages, taken from the chunk's own RAM; the
 * last chunk of the machine is mapped page by page as far as RAM reaches. The page tables that this needs are
 * made at boot (paging_init), so that activation allocates nothing and needs no lock of its own.
 */
#include "hv/mm/frame_chunk.h"
#include "hv/lib/bug.h"
#include "hv/lib/string.h"
#include "hv/mm/frame.h"
#include "hv/mm/m2p.h"
#include "hv/mm/mm_init.h"
#include "hv/mm/paging.h"

#define CHUNK_FRAMES     (1ULL << FRAME_CHUNK_SHIFT)
#define M2P_GROUP_SHIFT  18 /* frames whose M2P entries fill 2 MiB */
#define M2P_GROUP_FRAMES (1ULL << M2P_GROUP_SHIFT)
#define M2P_GROUPS       (FRAME_CHUNKS_MAX >> (M2P_GROUP_SHIFT - FRAME_CHUNK_SHIFT))

uint64_t max_mfn;
uint64_t frame_chunk_map[BITMAP_WORDS(FRAME_CHUNKS_MAX)];

static uint64_t m2p_group_mfn[M2P_GROUPS]; /* 0: not backed */

/* Waiting spans in ascending order; those before waiting_first are used up. Chunks leave from the front. */
static struct frame_span waiting[BOOT_RAM_RANGES_MAX];
static unsigned int waiting_first, waiting_end;
static uint64_t waiting_frames;

static uint64_t chunk_of(uint64_t frame)
{
    return frame >> FRAME_CHUNK_SHIFT;
}

/* All RAM, in ascending order: what is not in here is a device's or the firmware's. */
static struct frame_span ram_spans[BOOT_RAM_RANGES_MAX];
static unsigned int ram_count;

/* Frame 0 is left out: the ABI uses it as "none". */
void __init frame_boot_ranges(const struct boot_ram_range *usable, unsigned int n,
                              const struct boot_ram_range *ram, unsigned int ram_n)
{
    for (unsigned int i = 0; i < n && waiting_end < ARRAY_SIZE(waiting); i++) {
        struct frame_span s = { max(usable[i].start >> PAGE_SHIFT, (uint64_t)1),
                                usable[i].end >> PAGE_SHIFT };

        if (s.start >= s.end)
            continue;
        waiting[waiting_end++] = s;
        waiting_frames += s.end - s.start;
    }
    for (; ram_count < ram_n && ram_count < ARRAY_SIZE(ram_spans); ram_count++)
        ram_spans[ram_count] =
            (struct frame_span){ ram[ram_count].start >> PAGE_SHIFT, ram[ram_count].end >> PAGE_SHIFT };
}

bool mfn_is_ram(mfn_t m)
{
    for (unsigned int i = 0; i < ram_count && ram_spans[i].start <= m.m; i++)
        if (m.m < ram_spans[i].end)
            return true;
    return false;
}

void __init *boot_alloc_page(void)
{
    for (unsigned int i = waiting_first; i < waiting_end; i++) {
        struct frame_span *s = &waiting[i];

        if (s->start == s->end)
            continue;
        if (s->start >= GIB(4) >> PAGE_SHIFT)
            break;
        waiting_frames--;
        return memset(mfn_to_virt(mfn(s->start++)), 0, PAGE_SIZE);
    }
    panic("Too little memory below 4 GiB for the hypervisor's page tables");
}

/* The part of a waiting span that lies in `chunk`, the lowest chunk that waits: its beginning. */
static struct frame_span span_in_chunk(const struct frame_span *s, uint64_t chunk)
{
    return (struct frame_span){ s->start, max(s->start, min(s->end, (chunk + 1) << FRAME_CHUNK_SHIFT)) };
}

/* Take `pages` frames, aligned to their number, out of a chunk's spans; what is cut off in front goes to
 * *front. 0 = none. */
static uint64_t chunk_carve(uint64_t chunk, uint64_t pages, struct frame_span *front)
{
    uint64_t align = 1ULL << (pages == 1 ? 0 : bit_highest(pages - 1) + 1);

    for (unsigned int i = waiting_first; i < waiting_end; i++) {
        struct frame_span part = span_in_chunk(&waiting[i], chunk);
        uint64_t at = ALIGN_UP(part.start, align);

        if (at + pages > part.end)
            continue;
        *front = (struct frame_span){ part.start, at };
        waiting[i].start = at + pages;
        waiting_frames -= at + pages - part.start;
        return at;
    }
    return 0;
}

/* Map `pages` frames at `va` in a table whose page tables exist: one 2 MiB page, or small ones. */
static void map_table(uint64_t va, uint64_t frame, uint64_t pages, uint64_t flags)
{
    pte_t *l2 = hv_l2_slot(va);

    if (pages == PTES_PER_PAGE) {
        WRITE_ONCE(*l2, pte_make(mfn(frame), flags | PTE_PSE | PTE_G));
    } else {
        pte_t *l1 = mfn_to_virt(pte_mfn(*l2));

        for (uint64_t i = 0; i < pages; i++)
            WRITE_ONCE(l1[i], pte_make(mfn(frame + i), flags | PTE_G));
    }
}

/* Pages that a table of `entry` bytes a frame needs for the frames [first, first + n), as far as there is
 * RAM. */
static uint64_t table_pages(uint64_t first, uint64_t n, uint64_t entry)
{
    return DIV_ROUND_UP((min(first + n, max_mfn) - first) * entry, PAGE_SIZE);
}

static void m2p_group_back(uint64_t group, uint64_t frame, uint64_t pages)
{
    uint64_t offset = (group << M2P_GROUP_SHIFT) * sizeof(uint64_t);

    memset(mfn_to_virt(mfn(frame)), 0xff, pages << PAGE_SHIFT);
    m2p_group_mfn[group] = frame;
    map_table(M2P_RW_START + offset, frame, pages, HV_RW);
    map_table(M2P_RO_START + offset, frame, pages, HV_RO | PTE_US);
}

/* Hand all spans of a chunk to the allocator; without one they are given up. */
static void chunk_release(uint64_t chunk, frame_span_fn *add)
{
    for (unsigned int i = waiting_first; i < waiting_end; i++) {
        struct frame_span part = span_in_chunk(&waiting[i], chunk);

        if (part.start == part.end)
            continue;
        waiting[i].start = part.end;
        waiting_frames -= part.end - part.start;
        if (add)
            add(part);
    }
}

/* Holes between RAM have struct frames too; they belong to DOMID_IO for good. */
static void mark_holes(uint64_t first, uint64_t end)
{
    for (unsigned int i = 0; first < end; i++) {
        uint64_t stop = i < ram_count ? min(end, ram_spans[i].start) : end;

        for (; first < stop; first++) {
            struct frame *f = mfn_to_frame(mfn(first));

            f->owner = DOMID_IO;
            f->count = FRAME_ALLOCATED | 1;
        }
        if (i < ram_count)
            first = max(first, ram_spans[i].end);
    }
}

static bool chunk_activate(uint64_t chunk, frame_span_fn *add)
{
    uint64_t first = chunk << FRAME_CHUNK_SHIFT, group = first >> M2P_GROUP_SHIFT;
    uint64_t pages = table_pages(first, CHUNK_FRAMES, sizeof(struct frame));
    uint64_t m2p_pages = table_pages(group << M2P_GROUP_SHIFT, M2P_GROUP_FRAMES, sizeof(uint64_t));
    struct frame_span front = { 0, 0 }, m2p_front = { 0, 0 };
    uint64_t table, m2p = 0;

    table = chunk_carve(chunk, pages, &front);
    if (!m2p_group_mfn[group])
        m2p = chunk_carve(chunk, m2p_pages, &m2p_front);
    if (!table || (!m2p && !m2p_group_mfn[group])) {
        chunk_release(chunk, NULL); /* RAM too scattered to hold its own tables is left unused */
        return false;
    }
    memset(mfn_to_virt(mfn(table)), 0, pages << PAGE_SHIFT);
    map_table(FRAME_TABLE_START + first * sizeof(struct frame), table, pages, HV_RW);
    mark_holes(first, min(first + CHUNK_FRAMES, max_mfn));
    if (m2p)
        m2p_group_back(group, m2p, m2p_pages);
    bit_set(frame_chunk_map, (unsigned int)chunk);

    if (front.start != front.end)
        add(front);
    if (m2p_front.start != m2p_front.end)
        add(m2p_front);
    chunk_release(chunk, add);
    return true;
}

bool frame_chunk_activate_next(uint64_t limit, frame_span_fn *add)
{
    for (; waiting_first < waiting_end; waiting_first++) {
        const struct frame_span *s = &waiting[waiting_first];

        while (s->start != s->end) {
            if (s->start >= limit)
                return false;
            if (chunk_activate(chunk_of(s->start), add))
                return true;
        }
    }
    return false;
}

uint64_t frame_chunk_waiting(void)
{
    return waiting_frames;
}

mfn_t m2p_extent(unsigned int i)
{
    return i < M2P_GROUPS && m2p_group_mfn[i] ? mfn(m2p_group_mfn[i]) : INVALID_MFN;
}
