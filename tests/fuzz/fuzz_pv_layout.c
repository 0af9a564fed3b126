/* SPDX-License-Identifier: MIT */
/* Any kernel, up to where a domain's builder relies on its layout: found in a bzImage or as it is, refused
 * with a sentence, or laid out without overlap inside its memory. */
/* fuzz-sources: hv/lib/elf.c hv/lib/xen_elfnotes.c hv/lib/parse.c hv/lib/pv_layout.c hv/lib/bzimage_payload.c */
#include <stdlib.h>
#include <string.h>

#include "hv/lib/bzimage_payload.h"
#include "hv/lib/pv_layout.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition)
        abort();
}

static void check_layout(const struct pv_layout *l)
{
    uint64_t image_pages = pv_layout_pages(l->image.end - l->image.start);

    require(l->base <= l->image.start && l->image.end <= l->start_info && l->start_info < l->store);
    require(l->store < l->console && l->console < l->tables && l->tables < l->stack && l->stack < l->end);
    require(pv_layout_pfn(l, l->end) <= l->used && l->used <= l->pages && image_pages <= l->pages);
    if (l->initrd_size)
        require(pv_layout_initrd_pfn(l) + pv_layout_pages(l->initrd_size) <= l->used);
    require(pv_layout_p2m_pfn(l) + pv_layout_pages(l->pages * 8) <= l->used);
}

/* The first bytes choose the domain's size, the others are the kernel. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bzimage_payload payload;
    struct xen_pv_range image;
    struct xen_notes notes;
    struct pv_layout layout;
    struct elf_image elf;
    char why[ELF_WHY_SIZE];
    uint16_t words[2];

    if (size < sizeof(words))
        return 0;
    memcpy(words, data, sizeof(words));
    data += sizeof(words);
    size -= sizeof(words);
    if (bzimage_find_payload(data, size, &payload) == NULL && payload.data != NULL)
        require(payload.data >= data && payload.size <= size - (size_t)(payload.data - data));
    if (elf_parse(&elf, data, size, why) && xen_notes_parse(&notes, &elf, why) &&
        xen_notes_check_pv(&notes, &elf, 0, &image, why) &&
        pv_layout_plan(&layout, &notes, &image, (uint64_t)words[0] * 16 + 1, words[1], true, why))
        check_layout(&layout);
    return 0;
}
