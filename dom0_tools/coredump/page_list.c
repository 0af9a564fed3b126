/* SPDX-License-Identifier: MIT */
#include "dom0_tools/coredump/page_list.h"

#include <stdlib.h>

static int compare_numbers(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

static int by_mfn(const void *a, const void *b)
{
    return compare_numbers(((const struct dump_page *)a)->mfn, ((const struct dump_page *)b)->mfn);
}

static int by_pfn(const void *a, const void *b)
{
    const struct dump_page *x = a, *y = b;

    return x->pfn != y->pfn ? compare_numbers(x->pfn, y->pfn) : compare_numbers(x->mfn, y->mfn);
}

static int extent_by_mfn(const void *a, const void *b)
{
    return compare_numbers(((const struct page_extent *)a)->mfn, ((const struct page_extent *)b)->mfn);
}

static size_t remove_doubles(struct dump_page *page, size_t nr)
{
    size_t kept = 0;

    for (size_t i = 0; i < nr; i++)
        if (kept == 0 || page[kept - 1].mfn != page[i].mfn)
            page[kept++] = page[i];
    return kept;
}

bool page_list_init(struct page_list *list, uint64_t room)
{
    *list = (struct page_list){ .page = malloc((size_t)(room + 1) * sizeof(*list->page)), .room = room };
    return list->page != NULL;
}

void page_list_free(struct page_list *list)
{
    free(list->page);
    free(list->extent);
    *list = (struct page_list){ 0 };
}

bool page_list_add(struct page_list *list, uint64_t pfn, uint64_t mfn)
{
    if (list->nr == list->room)
        return false;
    list->page[list->nr++] = (struct dump_page){ pfn, mfn };
    return true;
}

bool page_list_add_walk(struct page_list *list, const struct page_walk *walk,
                        uint64_t (*pfn_of)(uint64_t mfn))
{
    for (size_t i = 0; i < walk->nr; i++)
        for (uint64_t mfn = walk->mapping[i].mfn; mfn < walk->mapping[i].mfn + walk->mapping[i].count; mfn++)
            if (!page_list_add(list, pfn_of(mfn), mfn))
                return false;
    return true;
}

static bool follows(const struct dump_page *page)
{
    return page[0].mfn == page[-1].mfn + 1;
}

static bool find_extents(struct page_list *list)
{
    struct page_extent *extent;
    size_t nr = 0;

    for (size_t i = 0; i < list->nr; i++)
        nr += i == 0 || !follows(&list->page[i]);
    list->extent = extent = malloc((nr + 1) * sizeof(*extent));
    if (extent == NULL)
        return false;
    for (size_t i = 0; i < list->nr; i++)
        if (i != 0 && follows(&list->page[i]))
            extent[list->nr_extents - 1].count++;
        else
            extent[list->nr_extents++] = (struct page_extent){ list->page[i].mfn, 1, i };
    qsort(extent, nr, sizeof(*extent), extent_by_mfn);
    return true;
}

bool page_list_finish(struct page_list *list)
{
    qsort(list->page, list->nr, sizeof(*list->page), by_mfn);
    list->nr = remove_doubles(list->page, list->nr);
    qsort(list->page, list->nr, sizeof(*list->page), by_pfn);
    return find_extents(list);
}

/* The first extent that does not end before the frame. */
static const struct page_extent *first_extent(const struct page_list *list, uint64_t mfn)
{
    size_t low = 0, high = list->nr_extents;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (list->extent[middle].mfn + list->extent[middle].count <= mfn)
            low = middle + 1;
        else
            high = middle;
    }
    return &list->extent[low];
}

/* What the extent has of the mapping. They overlap. */
static struct dump_segment common_part(const struct mapping *mapping, const struct page_extent *extent)
{
    uint64_t start = extent->mfn > mapping->mfn ? extent->mfn : mapping->mfn;
    uint64_t extent_end = extent->mfn + extent->count, end = mapping->mfn + mapping->count;

    return (struct dump_segment){ .va = mapping->va + (start - mapping->mfn) * 4096,
                                  .count = (extent_end < end ? extent_end : end) - start,
                                  .place = extent->place + (size_t)(start - extent->mfn) };
}

void page_list_segments(const struct page_list *list, const struct page_walk *walk,
                        bool (*fn)(void *arg, const struct dump_segment *segment), void *arg)
{
    const struct page_extent *end = list->extent + list->nr_extents;
    struct dump_segment segment = { 0 };

    for (size_t i = 0; i < walk->nr; i++) {
        const struct mapping *mapping = &walk->mapping[i];

        for (const struct page_extent *extent = first_extent(list, mapping->mfn);
             extent < end && extent->mfn < mapping->mfn + mapping->count; extent++) {
            struct dump_segment part = common_part(mapping, extent);

            if (segment.count != 0 && segment.va + segment.count * 4096 == part.va &&
                segment.place + segment.count == part.place) {
                segment.count += part.count;
                continue;
            }
            if (segment.count != 0 && !fn(arg, &segment))
                return;
            segment = part;
        }
    }
    if (segment.count != 0)
        fn(arg, &segment);
}
