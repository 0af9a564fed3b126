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

static int place_by_mfn(const void *a, const void *b)
{
    return compare_numbers(((const struct page_place *)a)->mfn, ((const struct page_place *)b)->mfn);
}

static size_t remove_doubles(struct dump_page *page, size_t nr)
{
    size_t kept = 0;

    for (size_t i = 0; i < nr; i++)
        if (kept == 0 || page[kept - 1].mfn != page[i].mfn)
            page[kept++] = page[i];
    return kept;
}

bool page_list_make(struct page_list *list, const struct page_walk *walk, uint64_t (*pfn_of)(uint64_t mfn))
{
    *list = (struct page_list){ .page = malloc((size_t)(walk->pages + 1) * sizeof(*list->page)) };
    if (list->page == NULL)
        return false;
    for (size_t i = 0; i < walk->nr; i++)
        for (uint64_t n = 0; n < walk->mapping[i].count; n++)
            list->page[list->nr++].mfn = walk->mapping[i].mfn + n;
    qsort(list->page, list->nr, sizeof(*list->page), by_mfn);
    list->nr = remove_doubles(list->page, list->nr);
    for (size_t i = 0; i < list->nr; i++)
        list->page[i].pfn = pfn_of(list->page[i].mfn);
    qsort(list->page, list->nr, sizeof(*list->page), by_pfn);
    list->place = malloc((list->nr + 1) * sizeof(*list->place));
    if (list->place == NULL)
        return false;
    for (size_t i = 0; i < list->nr; i++)
        list->place[i] = (struct page_place){ list->page[i].mfn, i };
    qsort(list->place, list->nr, sizeof(*list->place), place_by_mfn);
    return true;
}

void page_list_free(struct page_list *list)
{
    free(list->page);
    free(list->place);
    *list = (struct page_list){ 0 };
}

static size_t place_of(const struct page_list *list, uint64_t mfn)
{
    const struct page_place key = { .mfn = mfn };
    const struct page_place *found = bsearch(&key, list->place, list->nr, sizeof(*list->place), place_by_mfn);

    return found->place;
}

void page_list_segments(const struct page_list *list, const struct page_walk *walk,
                        void (*fn)(void *arg, const struct dump_segment *segment), void *arg)
{
    struct dump_segment segment = { 0 };

    for (size_t i = 0; i < walk->nr; i++) {
        const struct mapping *mapping = &walk->mapping[i];

        for (uint64_t n = 0; n < mapping->count; n++) {
            uint64_t va = mapping->va + n * 4096;
            size_t place = place_of(list, mapping->mfn + n);

            if (segment.count != 0 && segment.va + segment.count * 4096 == va &&
                segment.place + segment.count == place) {
                segment.count++;
                continue;
            }
            if (segment.count != 0)
                fn(arg, &segment);
            segment = (struct dump_segment){ .va = va, .count = 1, .place = place };
        }
    }
    if (segment.count != 0)
        fn(arg, &segment);
}
