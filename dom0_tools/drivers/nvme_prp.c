/* SPDX-License-Identifier: MIT */
#include "dom0_tools/drivers/nvme_prp.h"

/* How far the walk has come. */
struct walk {
    struct nvme_position at;
    uint32_t bytes;
    unsigned pages;
};

/* Takes the next piece of memory that lies in one page; false when it cannot follow what is there already. */
static int take_piece(const struct block_request *request, struct walk *walk, uint32_t max_bytes,
                      uint64_t *pages, unsigned max_pages)
{
    const struct block_segment *segment = &request->segments[walk->at.segment];
    uint64_t bus = segment->bus + walk->at.offset;
    uint32_t in_page = (uint32_t)(bus % NVME_PAGE), length = segment->length - walk->at.offset;

    if (length > NVME_PAGE - in_page)
        length = NVME_PAGE - in_page;
    if (length > max_bytes - walk->bytes)
        length = max_bytes - walk->bytes;
    /* Behind the first, an entry begins where a page does. */
    if (length == 0 || walk->pages == max_pages || (walk->pages > 0 && in_page != 0))
        return 0;
    pages[walk->pages++] = bus;
    walk->bytes += length;
    walk->at.offset += length;
    if (walk->at.offset == segment->length)
        walk->at = (struct nvme_position){ walk->at.segment + 1, 0 };
    /* Before the last, an entry ends where a page does. */
    return in_page + length == NVME_PAGE;
}

uint32_t nvme_next_command(const struct block_request *request, struct nvme_position *position,
                           uint32_t block_size, uint32_t max_bytes, uint64_t *pages, unsigned max_pages,
                           unsigned *nr_pages)
{
    struct walk walk = { *position, 0, 0 }, whole = walk;
    int more = 1;

    /* What is taken ends with a block, which may be smaller or larger than a piece. */
    while (more && walk.at.segment < request->nr_segments) {
        more = take_piece(request, &walk, max_bytes, pages, max_pages);
        if (walk.bytes % block_size == 0)
            whole = walk;
    }
    *nr_pages = whole.pages;
    if (whole.bytes > 0)
        *position = whole.at;
    return whole.bytes;
}
