/* SPDX-License-Identifier: MIT */
/* unit-sources: dom0_tools/coredump/page_walk.c dom0_tools/coredump/page_list.c */
#include "dom0_tools/coredump/page_list.h"
#include "pvguest/pagetable.h"
#include "pvguest/vmap.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#define FRAMES  16 /* of the domain's that are page tables */
#define PRESENT 1UL
#define LARGE   (1UL << 7)
#define BIT_12  (1UL << 12) /* an attribute in large pages */

static _Alignas(4096) char memory[FRAMES][4096];

void *map_foreign(domid_t domid, const xen_pfn_t *frames, size_t count, uint64_t flags, int *errors)
{
    (void)flags;
    (void)errors;
    cr_assert_eq(domid, 7);
    cr_assert_eq(count, 1);
    return frames[0] < FRAMES ? memory[frames[0]] : NULL;
}

void unmap_frames(void *addr, size_t count)
{
    (void)addr;
    cr_assert_eq(count, 1);
}

static void set(unsigned int frame, unsigned int i, uint64_t entry)
{
    ((uint64_t *)memory[frame])[i] = entry | PRESENT;
}

static void set_32(unsigned int frame, unsigned int i, uint32_t entry)
{
    ((uint32_t *)memory[frame])[i] = entry | (uint32_t)PRESENT;
}

/* What the walk finds is this and no more. */
static void expect(enum paging paging, uint64_t root, const struct mapping *expected, size_t nr)
{
    struct page_walk walk;

    cr_assert(page_walk(&walk, 7, paging, root, FRAMES));
    cr_assert_eq(walk.nr, nr, "%zu runs", walk.nr);
    for (size_t i = 0; i < nr; i++) {
        cr_assert_eq(walk.mapping[i].va, expected[i].va, "run %zu is at %#lx", i, (long)walk.mapping[i].va);
        cr_assert_eq(walk.mapping[i].mfn, expected[i].mfn, "run %zu shows %#lx", i,
                     (long)walk.mapping[i].mfn);
        cr_assert_eq(walk.mapping[i].count, expected[i].count, "run %zu has %ld pages", i,
                     (long)walk.mapping[i].count);
    }
    page_walk_free(&walk);
}

/* Four levels: a page low, two pages high, a page of 2 MiB, one of 1 GiB, each with attributes; a table
 * outside. */
static void make_four_levels(void)
{
    set(1, 0, 2 << 12 | 0x66);
    set(2, 0, 3 << 12);
    set(3, 0, 4 << 12);
    set(4, 5, 0x123UL << 12 | 1UL << 63 | 0x60);
    set(3, 1, 0x400UL << 12 | LARGE | BIT_12);
    set(2, 1, 0x80000UL << 12 | LARGE | BIT_12);
    set(1, 511, 5 << 12);
    set(5, 511, 6 << 12);
    set(6, 511, 7 << 12);
    set(7, 510, 0x10UL << 12);
    set(7, 511, 0x11UL << 12);
    set(1, 3, 0x999UL << 12);
}

static const struct mapping four_levels[] = { { 0x5000, 0x123, 1 },
                                              { 0x200000, 0x400, 512 },
                                              { 0x40000000, 0x80000, 512 * 512 },
                                              { 0xffffffffffffe000, 0x10, 2 } };

Test(coredump, four_levels)
{
    make_four_levels();
    expect(PAGING_4_LEVELS, 1 << 12 | 0x18, four_levels, 4);
}

/* The hypervisor's slots are seen in a hardware guest only. */
Test(coredump, slots_of_the_hypervisor)
{
    const struct mapping found = { 0xffff800000005000, 0x123, 1 };

    set(1, 256, 2 << 12);
    set(2, 0, 3 << 12);
    set(3, 0, 4 << 12);
    set(4, 5, 0x123UL << 12);
    expect(PAGING_4_LEVELS, 1 << 12, &found, 1);
    expect(PAGING_PV, 1 << 12, NULL, 0);
}

/* In the lower half nothing is sign-extended; in the upper all is. */
Test(coredump, five_levels)
{
    struct mapping expected[8];

    make_four_levels();
    set(8, 0, 1 << 12);
    set(8, 511, 1 << 12);
    for (size_t i = 0; i < 8; i++) {
        expected[i] = four_levels[i % 4];
        expected[i].va = (expected[i].va & 0x0000ffffffffffff) | (i < 4 ? 0 : 0xffff000000000000);
    }
    expect(PAGING_5_LEVELS, 8 << 12, expected, 8);
}

/* The highest table has four entries and stands anywhere; its neighbours are not looked at. */
Test(coredump, three_levels)
{
    const struct mapping expected[] = { { 0x40005000, 0x123, 1 },
                                        { 0x40200000, 0x400, 512 },
                                        { 0xc0005000, 0x123, 1 },
                                        { 0xc0200000, 0x400, 512 } };

    set(1, 3, 3 << 12);
    set(1, 4 + 1, 3 << 12);
    set(1, 4 + 3, 3 << 12);
    set(1, 8, 3 << 12);
    set(3, 0, 4 << 12);
    set(3, 1, 0x400UL << 12 | LARGE | BIT_12);
    set(4, 5, 0x123UL << 12 | 1UL << 63);
    expect(PAGING_PAE, 1 << 12 | 32 | 0x18, expected, 4);
}

Test(coredump, two_levels)
{
    const struct mapping expected[] = { { 0x3000, 0x77, 1 },
                                        { 0xc0000000, 0x800, 1024 },
                                        { 0xfffff000, 0x78, 1 } };

    set_32(1, 0, 2 << 12);
    set_32(2, 3, 0x77 << 12);
    set_32(1, 768, 0x800 << 12 | (uint32_t)LARGE);
    set_32(1, 1023, 3 << 12);
    set_32(3, 1023, 0x78 << 12);
    expect(PAGING_32, 1 << 12, expected, 3);
}

Test(coredump, no_paging)
{
    const struct mapping all = { 0, 0, 1 << 20 };

    expect(PAGING_NONE, 0, &all, 1);
}

/* Tables that refer to each other in circles are given up. */
Test(coredump, maze)
{
    struct page_walk walk;

    for (unsigned int i = 0; i < 512; i++)
        for (unsigned int frame = 1; frame < 4; frame++)
            set(frame, i, (frame % 3 + 1) << 12);
    cr_assert_not(page_walk(&walk, 7, PAGING_4_LEVELS, 1 << 12, FRAMES));
    page_walk_free(&walk);
}

struct found {
    struct dump_segment segment[8];
    size_t nr, most;
};

static bool find(void *arg, const struct dump_segment *segment)
{
    struct found *found = arg;

    found->segment[found->nr++] = *segment;
    return found->nr < found->most;
}

/* Memory with a hole, seen twice, and once beyond its end: only what is there, in one piece where the dump
 * has it so. */
Test(coredump, segments)
{
    struct mapping mapping[] = {
        { 0x1000, 2, 6 }, { 0x100000, 0, 1000 }, { 0x900000, 4, 1 }, { 0x901000, 7, 1 }
    };
    struct page_walk walk = { .mapping = mapping, .nr = 4 };
    struct found found = { .most = 8 };
    struct page_list list;

    cr_assert(page_list_init(&list, 9));
    for (uint64_t pfn = 8; pfn != 0; pfn--)
        if (pfn != 5 && pfn != 6)
            cr_assert(page_list_add(&list, pfn, pfn));
    cr_assert(page_list_add(&list, 3, 3)); /* twice */
    cr_assert(page_list_add(&list, 4, 4));
    cr_assert(page_list_add(&list, 1, 1));
    cr_assert_not(page_list_add(&list, 1, 1));
    cr_assert(page_list_finish(&list));
    cr_assert_eq(list.nr, 6); /* 1 2 3 4 7 8 */
    cr_assert_eq(list.nr_extents, 2);
    page_list_segments(&list, &walk, find, &found);
    static const struct dump_segment expected[] = {
        { 0x1000, 3, 1 }, { 0x6000, 1, 4 }, { 0x101000, 4, 0 }, { 0x107000, 2, 4 }, { 0x900000, 2, 3 }
    };

    cr_assert_eq(found.nr, 5, "%zu segments", found.nr);
    for (size_t i = 0; i < 5; i++) {
        cr_assert_eq(found.segment[i].va, expected[i].va, "segment %zu is at %#lx", i,
                     (long)found.segment[i].va);
        cr_assert_eq(found.segment[i].count, expected[i].count);
        cr_assert_eq(found.segment[i].place, expected[i].place);
    }
    found = (struct found){ .most = 2 };
    page_list_segments(&list, &walk, find, &found);
    cr_assert_eq(found.nr, 2);
    page_list_free(&list);
}

static uint64_t from_the_end(uint64_t mfn)
{
    return 100 - mfn;
}

/* Frames in another order than their numbers, as a PV domain has them. */
Test(coredump, scattered_frames)
{
    struct mapping mapping[] = { { 0x1000, 20, 3 }, { 0x5000, 21, 1 } };
    struct page_walk walk = { .mapping = mapping, .nr = 2, .pages = 4 };
    struct found found = { .most = 8 };
    struct page_list list;

    cr_assert(page_list_init(&list, walk.pages));
    cr_assert(page_list_add_walk(&list, &walk, from_the_end));
    cr_assert(page_list_finish(&list));
    cr_assert_eq(list.nr, 3);
    cr_assert_eq(list.page[0].pfn, 78);
    cr_assert_eq(list.page[0].mfn, 22);
    page_list_segments(&list, &walk, find, &found);
    cr_assert_eq(found.nr, 4);
    cr_assert_eq(found.segment[0].va, 0x1000);
    cr_assert_eq(found.segment[0].place, 2);
    cr_assert_eq(found.segment[3].va, 0x5000);
    cr_assert_eq(found.segment[3].place, 1);
    page_list_free(&list);
}
